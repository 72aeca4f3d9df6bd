import type { Device } from "../../src/tensor/device.ts";
import type { Computed, Op } from "../../src/tensor/op.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { type DType, type Held, Tensor } from "../../src/tensor/tensor.ts";
import { type Arr, arr } from "./array.ts";
import { oracles } from "./index.ts";

/** Elements in host memory; freed by the garbage collector. */
class HostArray implements Held {
  constructor(readonly data: Float64Array) {}
  retain(): this {
    return this;
  }
  release(): void {}
}

/** A device that runs every op's float64 oracle: the unchanged model code on it is the reference of the whole network. */
export class OracleDevice implements Device {
  execute<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs, shape: Shape): Computed {
    const oracle = oracles[op.name];
    if (!oracle) throw new Error(`no oracle for ${op.name}`);
    const { data } = oracle(inputs.map(arrayOf), attrs);
    return { output: new Tensor(this, shape, op.definition.outputDType ?? "f32", new HostArray(data)) };
  }

  upload(data: ArrayLike<number>, shape: Shape, dtype: DType): Tensor {
    return new Tensor(this, shape, dtype, new HostArray(Float64Array.from(data)));
  }

  write(tensor: Tensor, data: ArrayLike<number>): void {
    valuesOf(tensor).set(data);
  }

  async read(tensor: Tensor): Promise<Float32Array> {
    return Float32Array.from(valuesOf(tensor));
  }
}

/** The float64 elements behind a tensor of an OracleDevice; writing them changes the tensor. */
export function valuesOf(tensor: Tensor): Float64Array {
  return (tensor.held as HostArray).data;
}

function arrayOf(tensor: Tensor): Arr {
  return arr([...tensor.shape], valuesOf(tensor));
}
