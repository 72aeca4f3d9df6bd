import type { Device } from "../tensor/device.ts";
import type { Computed, Op } from "../tensor/op.ts";
import { Rng } from "../tensor/rng.ts";
import type { Shape } from "../tensor/shape.ts";
import { type DType, type Held, Tensor } from "../tensor/tensor.ts";
import { Init } from "./module.ts";

const nothing: Held = { retain: () => nothing, release() {} };

/** A device that computes nothing: shapes of networks of any size follow without their numbers. */
export class ShapeDevice implements Device {
  execute<Attrs>(op: Op<Attrs>, _inputs: readonly Tensor[], _attrs: Attrs, shape: Shape): Computed {
    return { output: new Tensor(this, shape, op.definition.outputDType ?? "f32", nothing) };
  }

  upload(_data: ArrayLike<number>, shape: Shape, dtype: DType): Tensor {
    return new Tensor(this, shape, dtype, nothing);
  }

  write(): void {}

  async read(): Promise<Float32Array> {
    throw new Error("a tensor of a ShapeDevice has no elements");
  }
}

/** Makes a network's parameters on a ShapeDevice, without drawing numbers for them. */
export class ShapeInit extends Init {
  constructor() {
    super(new ShapeDevice(), new Rng(0));
  }

  override at(): Init {
    return this;
  }

  override normal(shape: readonly number[]): Tensor {
    return this.constant(shape);
  }

  override uniform(shape: readonly number[]): Tensor {
    return this.constant(shape);
  }

  override constant(shape: readonly number[]): Tensor {
    const parameter = this.buffer(shape);
    parameter.requiresGrad = true;
    return parameter;
  }

  override buffer(shape: readonly number[]): Tensor {
    return this.device.upload([], shape, "f32").keep();
  }
}
