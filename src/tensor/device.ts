import { openGpu } from "#gpu";
import { type AdapterFacts, factsOf } from "./adapter.ts";
import type { Commands, Layout, Live } from "./command.ts";
import {
  DeviceLostError,
  GpuError,
  NoAdapterError,
  type OnestageError,
  OutOfMemoryError,
  ShapeError,
  UsageError,
} from "./errors.ts";
import { fromHalf, toHalf } from "./half.ts";
import { type BufferRange, borrow } from "./interop.ts";
import type { Computed, Op } from "./op.ts";
import { Pool, type Storage, StorageSlice } from "./pool.ts";
import type { Recorder } from "./recorder.ts";
import { type Shape, showShape, sizeOf } from "./shape.ts";
import { CommandStream } from "./stream.ts";
import { bytesPerElement, type DType, Tensor } from "./tensor.ts";
import type { Tuner } from "./tune.ts";

export type { AdapterFacts } from "./adapter.ts";

/** Where tensors live and ops run. There is one real kind, GpuDevice; the tests add a float64 one. */
export interface Device {
  /** Runs an op whose inputs have been checked. */
  execute<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs, shape: Shape): Computed;
  /** Copies elements to the host; halves become floats. */
  read(tensor: Tensor): Promise<Float32Array | Uint32Array>;
  /** A new tensor with these elements. @throws ShapeError if their number does not fit the shape. */
  upload(data: ArrayLike<number>, shape: Shape, dtype: DType): Tensor;
  /** Overwrites a tensor's elements. */
  write(tensor: Tensor, data: ArrayLike<number>): void;
}

/** The feature that `subgroupMatrix` asks for: Chromium's and Dawn's own, of no standard yet. */
export const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/** How to open a device. */
export interface DeviceOptions {
  /**
   * Use this WebGPU device, made by the caller and never destroyed by us, instead of opening one. WebGPU does not say whose an
   * error is that nobody caught: one of the caller's own on it comes as a GpuError from what is read next.
   */
  device?: GPUDevice;
  /** Largest number of bytes that tensors may occupy at once. */
  memoryBudget?: number;
  /** Asks for the adapter's matrix units, where it offers them; they are experimental. */
  subgroupMatrix?: boolean;
}

/** A WebGPU device with its buffer pool and command stream. */
export class GpuDevice implements Device {
  readonly pool: Pool;
  readonly stream: CommandStream;
  /** Kernel variants pinned by name, family → variant; empty means the default for this adapter. */
  readonly pinned = new Map<string, string>();
  /** Kernel variants that tuning has chosen, by job; see tune.ts. */
  readonly choices = new Map<string, string>();
  /** Takes note of jobs while a step is being tuned. */
  tuner: Tuner | null = null;
  /** Replaces the workgroup size of every kernel that has none of its own; for tests of independence from it. */
  workgroupSize: number | null = null;
  /** Compiled pipelines, by kernel and specialisation; filled by the kernels. */
  readonly pipelines = new Map<string, GPUComputePipeline>();
  /** Seconds that the calls that made them took, by the same names; a browser compiles in another process. */
  readonly compileSeconds = new Map<string, number>();
  readonly layouts = new Map<string, Layout>();
  /** Takes commands and storage while a step is being recorded. */
  recorder: Recorder | null = null;
  #lost: string | null = null;
  #fault: OnestageError | null = null;
  readonly #report = ({ error }: GPUUncapturedErrorEvent) => {
    // By name: a page may have several such classes, one for each frame.
    const kind = error.constructor.name === "GPUOutOfMemoryError" ? OutOfMemoryError : GpuError;
    this.#fault ??= new kind(`WebGPU: ${error.message}`);
  };

  private constructor(
    readonly gpu: GPUDevice,
    readonly adapter: AdapterFacts,
    private readonly owned: boolean,
  ) {
    this.pool = new Pool(gpu);
    this.stream = new CommandStream(gpu);
    gpu.lost.then((info) => {
      this.#lost = `${info.reason || "unknown"}${info.message ? `: ${info.message}` : ""}`;
    });
    gpu.addEventListener("uncapturederror", this.#report);
  }

  /**
   * Opens the platform's WebGPU adapter with the limits and features it offers.
   * @throws NoAdapterError if there is none.
   */
  static async open(options: DeviceOptions = {}): Promise<GpuDevice> {
    let device: GpuDevice;
    if (options.device) {
      device = new GpuDevice(options.device, factsOf(options.device.adapterInfo), false);
    } else {
      const entry = await openGpu(options.subgroupMatrix);
      const adapter = await entry.requestAdapter({
        powerPreference: "high-performance",
      });
      if (!adapter) {
        throw new NoAdapterError(
          "WebGPU: expected an adapter (a GPU, or the software adapter that set-up installs), got none",
        );
      }
      const wanted = ["timestamp-query", "shader-f16", "subgroups"] as GPUFeatureName[];
      if (options.subgroupMatrix) wanted.push(SUBGROUP_MATRIX);
      const features = wanted.filter((name) => adapter.features.has(name));
      const { limits } = adapter;
      const gpu = await adapter.requestDevice({
        requiredFeatures: features,
        requiredLimits: {
          maxBufferSize: limits.maxBufferSize,
          maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
          maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        },
      });
      device = new GpuDevice(gpu, factsOf(adapter.info), true);
    }
    if (options.memoryBudget !== undefined) device.pool.budget = options.memoryBudget;
    return device;
  }

  /**
   * Frees the memory of all tensors; nothing may be done with them afterwards. A device that was passed in stays alive, and
   * so do buffers that were.
   */
  close(): void {
    this.stream.close();
    this.pool.destroy();
    this.gpu.removeEventListener("uncapturederror", this.#report);
    this.#lost ??= "closed";
    if (this.owned) this.gpu.destroy();
  }

  execute<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs, shape: Shape): Computed {
    this.check();
    const result = op.definition.forward(this, inputs, attrs, shape);
    return result instanceof Tensor ? { output: result } : result;
  }

  /** A tensor with undefined content, for kernels to write. @throws OutOfMemoryError naming the op. */
  empty(shape: Shape, op: string, dtype: DType = "f32"): Tensor {
    return new Tensor(this, shape, dtype, (this.recorder ?? this.pool).acquire(bytesOf(shape, dtype), op));
  }

  /** A tensor that lies within a flat one, from element `offset` on: a multiple of 256 bytes. */
  slice(flat: Tensor, offset: number, shape: Shape): Tensor {
    const bytes = this.pool.roundedBytes(bytesOf(shape, flat.dtype), "slice");
    const start = offset * bytesPerElement(flat.dtype);
    return new Tensor(this, shape, flat.dtype, new StorageSlice(storageOf(flat), start, bytes));
  }

  /**
   * A tensor over a buffer of the caller's, from byte `offset` on, without a copy: ops read and write it in place, and it is
   * never reused or destroyed here. The caller keeps it alive, and unmapped, as long as the tensor and what was recorded with
   * it. Elements are taken four at a time: up to three after the last are bound too, and hold anything. Ops are collected
   * before they are submitted: `stream.flush()` submits them, where the caller is about to overwrite what they read.
   * @throws UsageError if it lacks STORAGE, COPY_SRC or COPY_DST, is mapped or too small, or the offset is no multiple of 256.
   */
  fromBuffer(buffer: GPUBuffer, shape: Shape, dtype: DType = "f32", offset = 0): Tensor {
    this.check();
    const storage = borrow(buffer, shape, dtype, offset);
    this.pool.roundedBytes(storage.bytes, "fromBuffer");
    return new Tensor(this, shape, dtype, storage);
  }

  /**
   * Where a tensor lies, without a copy: what the caller submits from now on to this device's queue finds its elements there,
   * row-major, and may overwrite them. They are there until the tensor is disposed (what was submitted before that still
   * finds them); the result of a recorded step has new ones after each run. The buffer is not the caller's to destroy or map.
   * @throws UsageError for a tensor of another device, or within a recorded step.
   * @throws DisposedError for a disposed tensor.
   */
  bufferOf(tensor: Tensor): BufferRange {
    this.check();
    this.#refuseRecording("bufferOf");
    if (tensor.device !== this) throw new UsageError("bufferOf: expected a tensor of this device, got another's");
    const { buffer, offset } = storageOf(tensor);
    this.stream.flush();
    return { buffer, offset, bytes: Math.ceil(tensor.bytes / 4) * 4 };
  }

  /** Destroys the buffers that no tensor uses. */
  trim(): void {
    this.stream.flush();
    this.pool.trim();
  }

  /** Where kernels and copies go. */
  get commands(): Commands {
    return this.recorder ?? this.stream;
  }

  /** Copies all elements of `from` into `to`, from element `offset` of `to` on; the two lie in different buffers. */
  copy(from: Tensor, to: Tensor, offset: Live = 0): void {
    const element = bytesPerElement(to.dtype);
    const toOffset = typeof offset === "number" ? element * offset : () => element * offset();
    this.commands.copy({ from: storageOf(from), to: storageOf(to), bytes: Math.ceil(from.bytes / 4) * 4, toOffset });
  }

  upload(data: ArrayLike<number>, shape: Shape, dtype: DType = "f32"): Tensor {
    this.check();
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError("upload", `${sizeOf(shape)} elements for ${showShape(shape)}`, `${data.length}`);
    }
    // In a recorded step this is a constant: it is written once, and no planned memory.
    const storage = this.pool.acquire(bytesOf(shape, dtype), "upload");
    this.recorder?.constant(storage);
    const tensor = new Tensor(this, shape, dtype, storage);
    this.#write(tensor, data);
    return tensor;
  }

  /** Overwrites a tensor's elements. @throws ShapeError if their number differs. */
  write(tensor: Tensor, data: ArrayLike<number>): void {
    if (data.length !== tensor.size) throw new ShapeError("write", `${tensor.size} elements`, `${data.length}`);
    this.#refuseRecording("write");
    this.#write(tensor, data);
  }

  #write(tensor: Tensor, data: ArrayLike<number>): void {
    const { dtype } = tensor;
    const typed = dtype === "f16" ? toHalves(data) : toTyped(data, dtype === "f32" ? Float32Array : Uint32Array);
    // Commands not yet submitted may still read the buffer's old content.
    this.stream.flush();
    const { buffer, offset } = storageOf(tensor);
    if (typed.byteLength > 0) this.gpu.queue.writeBuffer(buffer, offset, typed);
  }

  #refuseRecording(action: string): void {
    if (!this.recorder) return;
    throw new UsageError(`${action}: expected to be called outside of a recorded step, got called inside`);
  }

  async read(tensor: Tensor): Promise<Float32Array | Uint32Array> {
    return (await this.readMany([tensor]))[0]!;
  }

  /** Copies several tensors to the host, waiting once for all. */
  async readMany(tensors: readonly Tensor[]): Promise<(Float32Array | Uint32Array)[]> {
    this.check();
    this.#refuseRecording("read");
    const sources = tensors.map((tensor) => ({ storage: storageOf(tensor), bytes: Math.ceil(tensor.bytes / 4) * 4 }));
    const dtypes = tensors.map(({ dtype }) => dtype);
    const empty = sources.every(({ bytes }) => bytes === 0);
    const copies = empty ? sources.map(() => new ArrayBuffer(0)) : await this.mapped(this.stream.read(sources));
    return copies.map((copy, i) => {
      if (dtypes[i] === "f16") return Float32Array.from(new Uint16Array(copy, 0, tensors[i]!.size), fromHalf);
      return dtypes[i] === "f32" ? new Float32Array(copy) : new Uint32Array(copy);
    });
  }

  /** What is read from the GPU. @throws what `check` throws. */
  async mapped<T>(reading: Promise<T>): Promise<T> {
    const value = await reading.catch(async (cause: Error) => {
      // The map fails before the promise of the lost device settles, on a busy machine long before.
      await Promise.race([this.gpu.lost, new Promise((resolve) => setTimeout(resolve, 3000))]);
      this.check();
      throw new GpuError(`WebGPU: ${cause.message}`);
    });
    this.check();
    return value;
  }

  /** Waits until the GPU has done everything submitted so far. */
  async sync(): Promise<void> {
    await this.stream.wait();
    this.check();
  }

  /** Throws what the GPU has reported since. @throws DeviceLostError | OutOfMemoryError | GpuError */
  check(): void {
    if (this.#lost !== null)
      throw new DeviceLostError(`WebGPU device: expected it to live, got it lost (${this.#lost})`);
    if (this.#fault !== null) {
      const fault = this.#fault;
      this.#fault = null;
      throw fault;
    }
  }
}

/** The pooled buffer behind a tensor of a GpuDevice. */
export function storageOf(tensor: Tensor): Storage {
  return tensor.held as Storage;
}

/** Halves in words of 32 bits, as buffers are written. */
function toHalves(data: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(2 * Math.ceil(data.length / 2));
  for (let i = 0; i < data.length; i++) halves[i] = toHalf(data[i]!);
  return halves;
}

function bytesOf(shape: Shape, dtype: DType): number {
  return sizeOf(shape) * bytesPerElement(dtype);
}

function toTyped(
  data: ArrayLike<number>,
  type: typeof Float32Array | typeof Uint32Array,
): ArrayBufferView<ArrayBuffer> {
  return (data instanceof type ? data : new type(data)) as ArrayBufferView<ArrayBuffer>;
}
