import type { Layout, Live } from "./command.ts";
import { now } from "./command.ts";
import { type GpuDevice, storageOf } from "./device.ts";
import { GpuError } from "./errors.ts";
import { type Cost, currentJob, currentLayer, currentOrigin, type Origin } from "./origin.ts";
import type { Tensor } from "./tensor.ts";

/** Workgroups in one dimension of a dispatch, which every device allows. */
export const MAX_GROUPS = 65535;
const COMPUTE = 0x4;
const DEFAULT_WORKGROUP = 64;

/** How a kernel uses a buffer. */
export type Access = "read" | "write";
/** The scalar types of a kernel's parameters. */
export type Scalar = "u32" | "i32" | "f32";

/**
 * The TypeScript side of one WGSL file. The WGSL must declare `bindings` in this order as @group(0) @binding(0..),
 * then `params` as a uniform struct `Params` of the same fields in the same order, and one entry point `main`;
 * a contract test compares the two.
 */
export interface KernelSpec<B extends string, P extends string> {
  name: string;
  source: string;
  /** WGSL extensions the source needs, such as subgroups. */
  enable?: readonly string[];
  /** WGSL libraries put in front of the source. */
  include?: readonly string[];
  bindings: Record<B, Access>;
  /**
   * Bindings whose elements the source calls E: all f32, or all f16 where the tensors are. The source computes in f32 and
   * converts where it loads and stores.
   */
  elements?: readonly NoInfer<B>[];
  params: Record<P, Scalar>;
  /** Names of the `const`s the source expects in its header: tile sizes, operation selectors. */
  constants?: readonly string[];
  /**
   * Threads in a workgroup where the shader takes `override WG` (one-dimensional kernels, the default: 64);
   * null where the shader fixes its own.
   */
  workgroup?: number | null;
  /**
   * What one run costs by the definition of the op, however the kernel goes about it: floating-point operations (none
   * where not given), and bytes where they are not those of every bound buffer once.
   */
  cost?(tensors: Record<B, Tensor>, params: Record<P, number>): Partial<Omit<Cost, "job">>;
}

/** How much work a dispatch covers: threads for one-dimensional kernels, or explicit workgroups. */
export type Extent = { threads: number } | { groups: readonly [number, number, number] };

/** A kernel ready to run on any device; pipelines are compiled on first use and cached per device. */
export class Kernel<B extends string = string, P extends string = string> {
  readonly #bindings: B[];
  readonly #params: [P, Scalar][];
  readonly #layoutName: string;

  constructor(readonly spec: KernelSpec<B, P>) {
    this.#bindings = Object.keys(spec.bindings) as B[];
    this.#params = Object.entries(spec.params) as [P, Scalar][];
    this.#layoutName = Object.values<Access>(spec.bindings)
      .map((access) => access[0])
      .join("");
    allKernels.set(spec.name, this as unknown as Kernel);
  }

  /** The full WGSL for these constants and elements of f16 or f32: directives, header, libraries, source. */
  code(constants: Record<string, number | boolean> = {}, half = false): string {
    const extensions = [...(this.spec.enable ?? []), ...(half ? ["f16"] : [])];
    const directives = extensions.map((name) => `enable ${name};`);
    const elements = this.spec.elements ? [`alias E = ${half ? "f16" : "f32"};`] : [];
    const header = (this.spec.constants ?? []).map((name) => {
      const value = constants[name];
      if (value === undefined)
        throw new GpuError(`${this.spec.name}: expected a value for the constant ${name}, got none`);
      return typeof value === "boolean" ? `const ${name}: bool = ${value};` : `const ${name}: u32 = ${value}u;`;
    });
    return [...directives, ...elements, ...header, ...(this.spec.include ?? []), this.spec.source].join("\n");
  }

  /** Adds one run of this kernel to the device's commands. */
  run(
    device: GpuDevice,
    tensors: Record<B, Tensor>,
    params: Record<P, Live>,
    extent: Extent,
    constants: Record<string, number | boolean> = {},
  ): void {
    const workgroup =
      this.spec.workgroup === null ? null : (device.workgroupSize ?? this.spec.workgroup ?? DEFAULT_WORKGROUP);
    const groups = "groups" in extent ? extent.groups : fold(Math.ceil(extent.threads / workgroup!));
    if (groups.some((count) => count === 0)) return;
    const half = this.#half(tensors);
    const live = this.#params.some(([name]) => typeof params[name] === "function");
    device.commands.dispatch({
      kernel: this.spec.name,
      pipeline: this.#pipeline(device, constants, workgroup, half),
      layout: this.#layout(device),
      buffers: this.#bindings.map((name) => storageOf(tensors[name])),
      params: this.#pack(params),
      repack: live ? () => this.#pack(params) : null,
      groups,
      // Only recorded steps are looked at afterwards.
      cost: device.recorder && this.#cost(tensors, params),
      origin: device.recorder && this.#origin(tensors),
    });
  }

  /** Whether the elements are f16. @throws GpuError if a tensor is f16 that the source takes for f32. */
  #half(tensors: Record<B, Tensor>): boolean {
    const { elements = [], name } = this.spec;
    const isHalf = (binding: B) => tensors[binding].dtype === "f16";
    const half = elements.length > 0 && isHalf(elements[0]!);
    for (const binding of this.#bindings) {
      // Where a binding is not needed another one's tensor takes its place.
      const stands = this.#bindings.some((other) => other !== binding && tensors[other] === tensors[binding]);
      if (isHalf(binding) === (half && elements.includes(binding)) || stands) continue;
      throw new GpuError(
        `${name}: expected ${binding} in ${half ? "f16" : "f32"} as the others, got ${tensors[binding].dtype}`,
      );
    }
    return half;
  }

  #cost(tensors: Record<B, Tensor>, params: Record<P, Live>): Cost {
    // Where a binding is not needed another one's tensor takes its place: each counts once.
    const bound = new Map(this.#bindings.map((name) => [storageOf(tensors[name]).id, tensors[name].bytes]));
    const bytes = [...bound.values()].reduce((sum, size) => sum + size, 0);
    const values = Object.fromEntries(this.#params.map(([name]) => [name, now(params[name])])) as Record<P, number>;
    return { flops: 0, bytes, ...this.spec.cost?.(tensors, values), job: currentJob() };
  }

  /** What this run is for: outside of ops its kernel stands for itself, and the last binding is the output. */
  #origin(tensors: Record<B, Tensor>): Origin {
    const shapes = this.#bindings.map((name) => tensors[name].shape);
    return (
      currentOrigin() ?? {
        op: this.spec.name,
        gradient: false,
        layer: currentLayer(),
        inputs: shapes.slice(0, -1),
        output: shapes.at(-1)!,
      }
    );
  }

  #pack(params: Record<P, Live>): Uint8Array {
    const bytes = new DataView(new ArrayBuffer(Math.max(16, 4 * this.#params.length)));
    for (const [i, [name, type]] of this.#params.entries()) {
      const value = now(params[name]);
      if (type === "f32") bytes.setFloat32(4 * i, value, true);
      else if (type === "i32") bytes.setInt32(4 * i, value, true);
      else bytes.setUint32(4 * i, value, true);
    }
    return new Uint8Array(bytes.buffer);
  }

  #pipeline(
    device: GpuDevice,
    constants: Record<string, number | boolean>,
    workgroup: number | null,
    half: boolean,
  ): GPUComputePipeline {
    let key = half ? `${this.spec.name} f16` : this.spec.name;
    for (const name of this.spec.constants ?? []) key += ` ${name}=${constants[name]}`;
    if (workgroup !== null && workgroup !== DEFAULT_WORKGROUP) key += ` WG=${workgroup}`;
    let pipeline = device.pipelines.get(key);
    if (!pipeline) {
      const began = performance.now();
      const module = device.gpu.createShaderModule({
        label: this.spec.name,
        code: this.code(constants, half),
      });
      pipeline = device.gpu.createComputePipeline({
        label: key,
        layout: device.gpu.createPipelineLayout({
          bindGroupLayouts: [this.#layout(device).gpu],
        }),
        compute: {
          module,
          entryPoint: "main",
          constants: workgroup === null ? {} : { WG: workgroup },
        },
      });
      device.pipelines.set(key, pipeline);
      device.compileSeconds.set(key, (performance.now() - began) / 1000);
    }
    return pipeline;
  }

  #layout(device: GpuDevice): Layout {
    let layout = device.layouts.get(this.#layoutName);
    if (!layout) {
      const entries: GPUBindGroupLayoutEntry[] = this.#bindings.map((name, binding) => ({
        binding,
        visibility: COMPUTE,
        buffer: {
          type: this.spec.bindings[name] === "read" ? "read-only-storage" : "storage",
        },
      }));
      entries.push({
        binding: entries.length,
        visibility: COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true },
      });
      layout = { name: this.#layoutName, gpu: device.gpu.createBindGroupLayout({ entries }) };
      device.layouts.set(this.#layoutName, layout);
    }
    return layout;
  }
}

const allKernels = new Map<string, Kernel>();

/** Every kernel defined so far, by name: for the contract test and for listings. */
export function kernels(): ReadonlyMap<string, Kernel> {
  return allKernels;
}

/** Defines a kernel; see KernelSpec for the contract with its WGSL. */
export function defineKernel<B extends string, P extends string>(spec: KernelSpec<B, P>): Kernel<B, P> {
  return new Kernel(spec);
}

/** A number of workgroups folded into two dimensions, because one dimension ends at 65,535. */
export function fold(groups: number): [number, number, number] {
  if (groups <= MAX_GROUPS) return [groups, 1, 1];
  const rows = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / rows), rows, 1];
}
