import type { GpuDevice } from "../../tensor/device.ts";
import type * as whole from "../../tensor/variant.ts";

/** A kernel family: runs the first of the preferred variants that is here and takes the job. */
class Family<Args> {
  constructor(readonly spec: whole.FamilySpec<Args>) {}

  /** Runs the job. */
  run(device: GpuDevice, args: Args): void {
    const { variants, prefer } = this.spec;
    const able = (name: string) => variants[name] && (variants[name].supports?.(device, args) ?? true);
    variants[prefer(device, args).find(able)!]!.run(device, args);
  }
}

/** Defines a kernel family. */
export const defineFamily = <Args>(spec: whole.FamilySpec<Args>) => new Family(spec);
