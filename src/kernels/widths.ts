import gridLib from "../../shaders/lib/grid.wgsl";
import scalarLib from "../../shaders/lib/scalar.wgsl";
import vectorLib from "../../shaders/lib/vector.wgsl";
import type { Live } from "../tensor/command.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, type Kernel, type KernelSpec } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";

// The kernel of vec4f that goes with each of f32.
const vectors = new Map<unknown, Kernel>();

/**
 * Defines both kernels of a shader whose numbers are of type V: f32 in the one returned, vec4f in the other. Its `elements`
 * are stored as S, which is V in f32 or f16.
 */
export function defineWidths<B extends string, P extends string>(spec: KernelSpec<B, P>): Kernel<B, P> {
  const { name, include = [], elements = [] } = spec;
  const scalar = defineKernel({ ...spec, elements, include: [gridLib, scalarLib, ...include] });
  vectors.set(
    scalar,
    defineKernel({ ...spec, elements, name: `${name}_vector`, include: [gridLib, vectorLib, ...include] }),
  );
  return scalar;
}

/**
 * What is run: `along` names the parameters that count neighbouring numbers, which stay the same; a thread for each V of the first, `times` over,
 * or for each `block` of Vs, unless so many `threads` share them.
 */
export interface WidthsRun<P extends string> {
  params: Record<P, Live>;
  along: readonly NoInfer<P>[];
  times: number;
  block?: number;
  threads?: number;
  constants?: Record<string, number | boolean>;
}

interface Job extends WidthsRun<string> {
  kernel: Kernel;
  tensors: Record<string, Tensor>;
}

function run(gpu: GpuDevice, { kernel, tensors, constants, ...job }: Job, width: 1 | 4): void {
  const { params, along, times, block = 1 } = job;
  const counts = along.map((name) => [name, (params[name] as number) / width] as const);
  const count = counts[0]![1];
  const threads = job.threads ?? Math.ceil(count / block) * times;
  const fitting = width === 4 ? vectors.get(kernel)! : kernel;
  fitting.run(gpu, tensors, { ...params, ...Object.fromEntries(counts) }, { threads }, constants);
}

// Fewer threads than this leave a GPU waiting for memory; an adapter on the CPU rewards every load that is saved.
const GPU_THREADS = 16384;

const isVector = ({ params, along }: Job) => along.every((name) => (params[name] as number) % 4 === 0);

const family = defineFamily<Job>({
  name: "widths",
  variants: {
    scalar: { run: (gpu, job) => run(gpu, job, 1) },
    vector: { supports: (_gpu, job) => isVector(job), run: (gpu, job) => run(gpu, job, 4) },
  },
  prefer(gpu, job) {
    const enough = gpu.adapter.software || (job.params[job.along[0]!] as number) * job.times >= 4 * GPU_THREADS;
    return enough ? ["vector", "scalar"] : ["scalar"];
  },
});

/** Runs one of the kernels that defineWidths made: of the width that fits and pays. */
export function runWidest<B extends string, P extends string>(
  gpu: GpuDevice,
  kernel: Kernel<B, P>,
  tensors: Record<B, Tensor>,
  job: WidthsRun<P>,
): void {
  family.run(gpu, { ...job, kernel: kernel as unknown as Kernel, tensors });
}
