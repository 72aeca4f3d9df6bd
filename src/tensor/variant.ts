import type { GpuDevice } from "./device.ts";
import { UsageError } from "./errors.ts";

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
  /** The variant to use where none is pinned; it must support the arguments. */
  prefer(device: GpuDevice, args: Args): string;
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
   * Runs the job with the variant that applies; a pinned variant that cannot take these arguments gives way.
   * @throws UsageError if a variant is pinned that does not exist.
   */
  run(device: GpuDevice, args: Args): void {
    const { variants, name } = this.spec;
    const pinned = device.pinned.get(name);
    const wanted = pinned === undefined ? undefined : variants[pinned];
    if (pinned !== undefined && !wanted) {
      throw new UsageError(`${name}: expected one of the variants ${this.names.join(", ")}, got ${pinned}`);
    }
    const usable = wanted && (wanted.supports?.(device, args) ?? true);
    (usable ? wanted : variants[this.spec.prefer(device, args)]!).run(device, args);
  }
}

/** Defines a kernel family. */
export function defineFamily<Args>(spec: FamilySpec<Args>): Family<Args> {
  return new Family(spec);
}

/** Every family defined so far, by name: for tests and listings. */
export function families(): ReadonlyMap<string, Family<never>> {
  return allFamilies;
}
