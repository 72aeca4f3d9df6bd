import { FORMAT, type Result, type Row } from "../../bench/result.ts";
import type { Summary } from "../../bench/statistics.ts";

/** A summary of nine measurements. */
export function summary(median: number, spread = 0.01): Summary {
  return { n: 9, median, min: 0.9 * median, p90: 1.1 * median, spread };
}

/** A kernel that takes so many milliseconds on the GPU. */
export function row(name: string, milliseconds: number, more: Partial<Row> = {}): Row {
  return {
    name,
    group: "kernel",
    block: name,
    flops: 2e9,
    bytes: 1e7,
    first: 10 * milliseconds,
    wall: summary(1.5 * milliseconds),
    gpu: summary(milliseconds),
    host: summary(0.1),
    dispatches: 1,
    submits: 1,
    buffers: 0,
    memory: { peak: 2 ** 20 },
    ...more,
  };
}

/** The result of a run with these rows, on an adapter with 1 TFLOP/s and 100 GB/s. */
export function result(rows: Row[], more: Partial<Result> = {}): Result {
  return {
    format: FORMAT,
    facts: {
      date: "2026-11-23T12:00:00.000Z",
      machine: { processor: "a processor", cores: 2, memory: 2 ** 34, platform: "linux x64" },
      load: { before: [0, 0, 0], after: [0, 0, 0] },
      adapter: {
        vendor: "nobody",
        architecture: "none",
        device: "a device",
        description: "an adapter <1>",
        software: false,
        chosen: null,
        features: ["timestamp-query"],
        limits: { maxBufferSize: 2 ** 28 },
      },
      versions: { onestage: "0.0.0", node: "20.0.0", webgpu: "0.0.0" },
      toggles: ["none"],
    },
    options: { filter: null, rounds: 9, budget: 2 },
    ceilings: { flops: 1e12, bytes: 1e11, source: "timestamps" },
    rows,
    skipped: [],
    scaling: [],
    peers: [],
    interrupted: false,
    ...more,
  };
}
