import gridLib from "../../shaders/lib/grid.wgsl";
import scalarLib from "../../shaders/lib/scalar.wgsl";
import vectorLib from "../../shaders/lib/vector.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, type Kernel, type KernelSpec } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";

/** One shader over rows of channels, compiled for one channel a thread and for four. */
export interface Widths<B extends string, P extends string> {
  scalar: Kernel<B, P>;
  vector: Kernel<B, P>;
}

/** Defines both kernels of a shader whose numbers are of type V: f32, or vec4f where `name` ends in _vector. */
export function defineWidths<B extends string, P extends string>(spec: KernelSpec<B, P>): Widths<B, P> {
  return {
    scalar: defineKernel({ ...spec, include: [gridLib, scalarLib] }),
    vector: defineKernel({ ...spec, name: `${spec.name}_vector`, include: [gridLib, vectorLib] }),
  };
}

interface Job {
  kernels: Widths<string, string>;
  tensors: Record<string, Tensor>;
  params: Record<string, number> & { channels: number; chunks: number };
  constants?: Record<string, boolean>;
}

function run(gpu: GpuDevice, { kernels, tensors, params, constants }: Job, width: "scalar" | "vector"): void {
  const channels = params.channels / (width === "vector" ? 4 : 1);
  kernels[width].run(gpu, tensors, { ...params, channels }, { threads: channels * params.chunks }, constants);
}

// Fewer threads than this leave a GPU waiting for memory; an adapter on the CPU rewards every load that is saved.
const GPU_THREADS = 16384;

const isVector = ({ params }: Job) => params.channels % 4 === 0;

const family = defineFamily<Job>({
  name: "channels",
  variants: {
    scalar: { run: (gpu, job) => run(gpu, job, "scalar") },
    vector: { supports: (_gpu, job) => isVector(job), run: (gpu, job) => run(gpu, job, "vector") },
  },
  prefer(gpu, job) {
    const { channels, chunks } = job.params;
    const enough = gpu.adapter.software || channels * chunks >= 4 * GPU_THREADS;
    return isVector(job) && enough ? "vector" : "scalar";
  },
});

/** Runs the kernel of the width that fits: a thread for each chunk of rows and each one or four of the channels. */
export function runWidest<B extends string, P extends string>(
  gpu: GpuDevice,
  kernels: Widths<B, P>,
  tensors: Record<B, Tensor>,
  params: Record<P, number> & { channels: number; chunks: number },
  constants?: Record<string, boolean>,
): void {
  family.run(gpu, { kernels: kernels as unknown as Widths<string, string>, tensors, params, constants });
}
