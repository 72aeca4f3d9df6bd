import type { Cost, Origin } from "./origin.ts";
import type { Storage } from "./pool.ts";

/** Bytes that the parameters of one dispatch may take in a uniform buffer: the alignment every adapter accepts. */
export const SLOT = 256;

/** A number, or what gives it anew each time that a recorded step runs. */
export type Live = number | (() => number);

/** The number that a live one is now. */
export function now(value: Live): number {
  return typeof value === "number" ? value : value();
}

/** A bind-group layout; its name has one letter for each binding, "r" for read and "w" for written. */
export interface Layout {
  readonly name: string;
  readonly gpu: GPUBindGroupLayout;
}

/** One run of a kernel. */
export interface Dispatch {
  readonly kernel: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: Layout;
  readonly buffers: readonly Storage[];
  /** The uniform struct bound after the buffers, at most 256 bytes. */
  readonly params: Uint8Array;
  /** Packs the parameters anew where one of them is live; null where none is. */
  readonly repack: (() => Uint8Array) | null;
  /** Workgroups in x, y, z. */
  readonly groups: readonly [number, number, number];
  /** What it has to do and what it is for; null outside of recorded steps. */
  readonly cost: Cost | null;
  readonly origin: Origin | null;
}

/** A copy of bytes between two storages (two different buffers), offsets in bytes within them. */
export interface Copy {
  readonly from: Storage;
  readonly to: Storage;
  readonly bytes: number;
  readonly toOffset: Live;
}

/** The storages that a command touches. */
export function storagesOf(command: Dispatch | Copy): readonly Storage[] {
  return "pipeline" in command ? command.buffers : [command.from, command.to];
}

/** Where kernels and copies go, in order: the stream that runs them, or the recorder of a program. */
export interface Commands {
  dispatch(dispatch: Dispatch): void;
  copy(copy: Copy): void;
}

/** Binds storages in their order, then a slot of a uniform buffer at a dynamic offset. */
export function bindGroup(
  gpu: GPUDevice,
  layout: Layout,
  buffers: readonly Storage[],
  uniforms: GPUBuffer,
): GPUBindGroup {
  const entries: GPUBindGroupEntry[] = buffers.map(({ buffer, offset, bytes }, binding) => ({
    binding,
    resource: { buffer, offset, size: bytes },
  }));
  entries.push({ binding: buffers.length, resource: { buffer: uniforms, size: SLOT } });
  return gpu.createBindGroup({ layout: layout.gpu, entries });
}

/** Encodes a copy, outside of passes. */
export function encodeCopy(encoder: GPUCommandEncoder, { from, to, bytes, toOffset }: Copy): void {
  encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset + now(toOffset), bytes);
}
