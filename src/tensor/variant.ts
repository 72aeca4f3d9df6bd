import type { GpuDevice } from "./device.ts";
import { UsageError } from "./errors.ts";
import { Kernel } from "./kernel.ts";
import { inJob } from "./origin.ts";
import { Tensor } from "./tensor.ts";

/** Several kernels for one job, of which each adapter and shape has a best. */
export interface FamilySpec<Args> {
  name: string;
  variants: Record<
    string,
    {
      supports?(device: GpuDevice, args: Args): boolean;
      run(device: GpuDevice, args: Args): void;
    }
  >;
  /** Variants to use where none is pinned, the best first: the first that takes the arguments is used, as the last must. */
  prefer(device: GpuDevice, args: Args): readonly string[];
  /** Floating-point operations of a job by its definition, whatever a variant saves or adds. */
  flops?(args: Args): number;
}

const allFamilies = new Map<string, Family<never>>();

/** A kernel family: runs the pinned variant, else the preferred one. */
export class Family<Args> {
  constructor(readonly spec: FamilySpec<Args>) {
    allFamilies.set(spec.name, this as unknown as Family<never>);
  }

  /** Names of the variants. */
  get names(): string[] {
    return Object.keys(this.spec.variants);
  }

  /**
   * Runs the job with the variant that applies: the pinned one if it can take these arguments, else the one that tuning
   * chose for such a job, else the preferred one.
   * @throws UsageError if a variant is pinned that does not exist.
   */
  run(device: GpuDevice, args: Args): void {
    const { variants, name } = this.spec;
    const usable = (variant: string | undefined) => {
      const found = variant === undefined ? undefined : variants[variant];
      return found && (found.supports?.(device, args) ?? true) ? found : undefined;
    };
    const pinned = device.pinned.get(name);
    if (pinned !== undefined && !variants[pinned]) {
      throw new UsageError(`${name}: expected one of the variants ${this.names.join(", ")}, got ${pinned}`);
    }
    const preferred = () => this.spec.prefer(device, args).find(usable)!;
    let chosen = usable(pinned);
    if (!chosen && (device.tuner || device.choices.size > 0)) {
      const key = `${name} ${describe(args)}`;
      if (device.tuner) {
        const able = this.names.filter((variant) => usable(variant));
        const runs = able.map((variant) => [variant, () => variants[variant]!.run(device, args)] as const);
        device.tuner.offer(key, preferred(), Object.fromEntries(runs));
      }
      chosen = usable(device.choices.get(key));
    }
    const variant = chosen ?? variants[preferred()]!;
    const { flops } = this.spec;
    if (flops) inJob(flops(args), () => variant.run(device, args));
    else variant.run(device, args);
  }
}

/** The numbers and flags among a job's arguments, names of kernels and tensors of halves: what its speed depends on. */
export function describe(args: unknown): string {
  return Object.entries(args as object)
    .map(([name, value]) => {
      if (value === null || typeof value === "function") return "";
      if (value instanceof Tensor) return value.dtype === "f16" ? `${name}=f16` : "";
      if (value instanceof Kernel) return `${name}=${value.spec.name}`;
      return typeof value === "object" ? describe(value) : `${name}=${value}`;
    })
    .filter(Boolean)
    .join(" ");
}

/** Defines a kernel family. */
export function defineFamily<Args>(spec: FamilySpec<Args>): Family<Args> {
  return new Family(spec);
}

/** Every family defined so far, by name: for tests and listings. */
export function families(): ReadonlyMap<string, Family<never>> {
  return allFamilies;
}
