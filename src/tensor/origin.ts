import type { Shape } from "./shape.ts";

/** What a dispatch is for. */
export interface Origin {
  /** Name of the op. */
  readonly op: string;
  /** Whether it computes the op's gradients. */
  readonly gradient: boolean;
  /** Path of the module that called the op, such as a.layer1.0.conv1; empty outside of named modules. */
  readonly layer: string;
  /** Shapes of the op's inputs. */
  readonly inputs: readonly Shape[];
  /** Shape of the op's output. */
  readonly output: Shape;
}

/** What one run of a kernel has to do by the definition of its op. */
export interface Cost {
  /** Floating-point operations: a fused multiply-add is two, an elementary function one. */
  readonly flops: number;
  /** Bytes read and written if every operand is moved once. */
  readonly bytes: number;
  /** The job it is a part of, whose operations are counted as a whole. */
  readonly job: Job | null;
}

/** A job with several ways to do it: whatever a way saves or adds, these are the operations of its definition. */
export interface Job {
  readonly flops: number;
}

let current: Origin | null = null;
let layer = "";
let job: Job | null = null;

/** What is being done now, null outside of ops. */
export function currentOrigin(): Origin | null {
  return current;
}

/** Path of the module whose forward pass runs now; empty outside of named modules. */
export function currentLayer(): string {
  return layer;
}

/** Runs `body`, whose dispatches are for `origin`; ops that are called inside work for it too. */
export function withOrigin<T>(origin: Origin, body: () => T): T {
  if (current) return body();
  current = origin;
  try {
    return body();
  } finally {
    current = null;
  }
}

/** The job that is being done now, if any. */
export function currentJob(): Job | null {
  return job;
}

/** Runs `body`, which does a job of so many operations; jobs inside, such as the products of a transform, do not count. */
export function inJob<T>(flops: number, body: () => T): T {
  if (job) return body();
  job = { flops };
  try {
    return body();
  } finally {
    job = null;
  }
}

/** Runs `body`, whose ops belong to the layer with this path. */
export function inLayer<T>(path: string, body: () => T): T {
  const before = layer;
  layer = path;
  try {
    return body();
  } finally {
    layer = before;
  }
}
