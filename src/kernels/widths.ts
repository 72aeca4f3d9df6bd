import gridLib from "../../shaders/lib/grid.wgsl";
import scalarLib from "../../shaders/lib/scalar.wgsl";
import vectorLib from "../../shaders/lib/vector.wgsl";
import type { Live } from "../tensor/command.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, type Kernel, type KernelSpec, kernels } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";

const vectorName = (name: string) => `${name}_vector`;

/**
 * Defines both kernels of a shader whose numbers are of type V: f32 in the one returned, vec4f in the other. Its `elements`
 * are stored as S, which is V in f32 or f16.
 */
export function defineWidths<B extends string, P extends string>(spec: KernelSpec<B, P>): Kernel<B, P> {
  const { name, include = [], elements = [] } = spec;
  defineKernel({ ...spec, elements, name: vectorName(name), include: [gridLib, vectorLib, ...include] });
  return defineKernel({ ...spec, elements, include: [gridLib, scalarLib, ...include] });
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
  kernel: string;
  tensors: Record<string, Tensor>;
}

function run(gpu: GpuDevice, { kernel, tensors, constants, ...job }: Job, width: 1 | 4): void {
  const { params, along, times, block = 1 } = job;
  const counts = along.map((name) => [name, (params[name] as number) / width] as const);
  const count = counts[0]![1];
  const threads = job.threads ?? Math.ceil(count / block) * times;
  const name = width === 4 ? vectorName(kernel) : kernel;
  kernels()
    .get(name)!
    .run(gpu, tensors, { ...params, ...Object.fromEntries(counts) }, { threads }, constants);
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
  family.run(gpu, { ...job, kernel: kernel.spec.name, tensors });
}
