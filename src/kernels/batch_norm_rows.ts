import type { GpuDevice } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Parameters of the kernels of batch norm: rows of channels, and the chunks of rows that they are cut into. */
export const split = { rows: "u32", channels: "u32", chunk: "u32", chunks: "u32" } as const;

/** What normalises a channel, as the kernels bind it. */
export const moments = { gamma: "read", beta: "read", mean: "read", variance: "read" } as const;

/** x seen as rows of channels, cut into chunks of rows. */
export function splitOf(x: Tensor, chunkOf: (rows: number) => number) {
  const channels = x.shape.at(-1)!;
  const rows = channels === 0 ? 0 : x.size / channels;
  const chunk = chunkOf(rows);
  return { rows, channels, chunk, chunks: Math.ceil(rows / chunk) };
}

/** One thread for each chunk of rows of each V of channels. */
export function overChannels<P extends { channels: number; chunks: number }>(
  params: P,
  constants?: Record<string, boolean>,
) {
  return { params, along: ["channels"] as const, times: params.chunks, constants };
}

/** Rows a thread does where every element is written: its channel's numbers are loaded once for all of them. */
export const fewRows = (gpu: GpuDevice) => () => (gpu.adapter.software ? 32 : 8);

/** Rows a thread adds up: enough threads to fill the adapter, and not many more sums to join than that takes. */
export const manyRows = (gpu: GpuDevice) => (rows: number) =>
  Math.max(16, Math.ceil(rows / (gpu.adapter.software ? 64 : 512)));

/** Threads that join a channel's sums: enough to have many loads under way, or few because each waits for the others. */
export const lanes = (gpu: GpuDevice) => ({ LANES: gpu.adapter.software ? 8 : 32 });
