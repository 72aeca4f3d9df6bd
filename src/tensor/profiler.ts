import { type Copy, encodeCopy } from "./command.ts";
import type { GpuDevice } from "./device.ts";
import { UsageError } from "./errors.ts";
import type { Job } from "./origin.ts";
import { type CompileTime, type Limits, median, type Profile, type Span, showShapes } from "./profile.ts";
import { encodeDispatch, type Prepared, type Program } from "./program.ts";
import { Queries } from "./queries.ts";
import { Stopwatch } from "./timing.ts";

/** How a recorded step is profiled. */
export interface ProfileOptions {
  /** Profiled runs after the first one; medians are over these. Five by default. */
  runs?: number;
  /** Takes one step by running the program once; it may wait for its results. `program.run()` without it. */
  step?: () => unknown;
  /** What the adapter can do at most; without it nothing is compared. */
  limits?: Limits | null;
  /** Called before each run; it may throw to end the profiling. */
  check?: () => void;
}

/** What is timed together: one dispatch, or the copies between two. */
type Part = { command: Prepared; at: number } | { copies: Copy[]; at: number };

/** One run: begin and end of every part in seconds, since the first began. */
interface Run {
  begin: Float64Array;
  end: Float64Array;
}

/**
 * Profiles a recorded step: each dispatch runs in a pass of its own between two GPU timestamps, everything else is as
 * always, and so are the results. Without timestamps each pass is submitted alone and its wall time taken.
 * @throws UsageError if `runs` is no whole number from 1, or a step does not run the program.
 */
export async function profileProgram(program: Program, options: ProfileOptions = {}): Promise<Profile> {
  const { runs = 5, step = () => program.run(), limits = null, check = () => {} } = options;
  if (!Number.isInteger(runs) || runs < 1) throw new UsageError(`profile: expected at least one run, got ${runs}`);
  const { device } = program;
  const parts = partsOf(program);
  const stopwatch = new Stopwatch(device);
  const measure = stopwatch.source === "timestamps" ? new StampedRuns(program, parts) : new AwaitedRuns(program, parts);
  const measured: Run[] = [];
  const plain: { gpu: number; host: number }[] = [];
  try {
    for (let run = 0; run <= runs; run++) {
      check();
      measured.push(await measure.run(step));
      plain.push(await plainRun(program, stopwatch));
    }
  } finally {
    measure.dispose();
    stopwatch.dispose();
  }
  const first = measured.shift()!;
  plain.shift();
  const spans = spansOf(parts, program, measured, first);
  return {
    source: stopwatch.source,
    notes: measure.notes,
    runs,
    limits: limits && { flops: limits.flops, bytes: limits.bytes, dispatch: limits.dispatch },
    spans,
    plain: median(plain.map(({ gpu }) => gpu)),
    profiled: median(measured.map(({ end }) => end.reduce((last, time) => Math.max(last, time), 0))),
    host: median(plain.map(({ host }) => host)),
    memory: program.memory,
    compile: compileTimes(device, spans),
    encoded: measure.encoded,
  };
}

async function plainRun(program: Program, stopwatch: Stopwatch): Promise<{ gpu: number; host: number }> {
  let host = 0;
  const gpu = await stopwatch.time(() => {
    const began = performance.now();
    program.run();
    host = (performance.now() - began) / 1000;
  });
  return { gpu, host };
}

/** Runs with timestamps around every part. */
class StampedRuns {
  readonly notes = ["every dispatch in a pass of its own"];
  encoded = { begin: 0, end: 0 };
  readonly #queries: Queries;

  constructor(
    private readonly program: Program,
    private readonly parts: readonly Part[],
  ) {
    this.#queries = new Queries(program.device, 2 * parts.length);
  }

  async run(step: () => unknown): Promise<Run> {
    const { program, parts } = this;
    const before = program.encode;
    let encodings = 0;
    program.encode = (encoder) => {
      encodings++;
      const began = performance.now();
      // What waking the GPU and writing the inputs takes is no dispatch's: an empty pass goes ahead.
      encoder.beginComputePass().end();
      for (const [i, part] of parts.entries()) this.#encode(encoder, part, i);
      this.#queries.resolve(encoder);
      // The GPU begins about when the host has encoded everything.
      this.encoded = { begin: (began - performance.now()) / 1000, end: 0 };
    };
    try {
      await step();
    } finally {
      program.encode = before;
    }
    if (encodings !== 1)
      throw new UsageError(`profile: expected a step to run the program once, got ${encodings} runs`);
    const stamps = await this.#queries.read();
    const tick = tickOf(stamps);
    if (tick !== null && this.notes.length === 1) {
      this.notes.push(
        `timestamps come in steps of ${tick / 1000} µs here: only sums over many dispatches say something`,
      );
    }
    return {
      begin: Float64Array.from(parts, (_, i) => stamps[2 * i]!),
      end: Float64Array.from(parts, (_, i) => Math.max(stamps[2 * i]!, stamps[2 * i + 1]!)),
    };
  }

  #encode(encoder: GPUCommandEncoder, part: Part, i: number): void {
    const [begin, end] = [this.#queries.at(2 * i), this.#queries.at(2 * i + 1)];
    if ("command" in part) {
      const timestampWrites = {
        querySet: begin.set,
        beginningOfPassWriteIndex: begin.index,
        endOfPassWriteIndex: end.index,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      encodeDispatch(pass, part.command);
      pass.end();
      return;
    }
    // Copies stand outside of passes: empty ones in front and behind take the time.
    const mark = ({ set, index }: typeof begin) =>
      encoder.beginComputePass({ timestampWrites: { querySet: set, endOfPassWriteIndex: index } }).end();
    mark(begin);
    for (const copy of part.copies) encodeCopy(encoder, copy);
    mark(end);
  }

  dispose(): void {
    this.#queries.dispose();
  }
}

// Steps in nanoseconds to which Dawn and browsers round timestamps, where they do.
const TICKS = [100_000, 65_536];

/** The step in nanoseconds that all these times in seconds are multiples of, null if there is none. */
function tickOf(times: Float64Array): number | null {
  const isMultiple = (tick: number) => (time: number) =>
    Math.abs((time * 1e9) / tick - Math.round((time * 1e9) / tick)) < 1e-3;
  return TICKS.find((step) => times.every(isMultiple(step))) ?? null;
}

/** Runs part by part, waiting for each. */
class AwaitedRuns {
  readonly notes = [
    "no timestamp queries on this adapter: wall time of each pass, submitted and awaited alone, so that short ones are overstated",
  ];
  readonly encoded = { begin: 0, end: 0 };
  #stepped = false;

  constructor(
    private readonly program: Program,
    private readonly parts: readonly Part[],
  ) {}

  async run(step: () => unknown): Promise<Run> {
    const { program, parts } = this;
    const { gpu } = program.device;
    // The first step brings the numbers that change from step to step into a sane state.
    if (!this.#stepped) await step();
    this.#stepped = true;
    await program.device.sync();
    program.begin();
    const begin = new Float64Array(parts.length);
    const end = new Float64Array(parts.length);
    let at = 0;
    for (const [i, part] of parts.entries()) {
      const began = performance.now();
      const encoder = gpu.createCommandEncoder();
      if ("command" in part) {
        const pass = encoder.beginComputePass();
        encodeDispatch(pass, part.command);
        pass.end();
      } else for (const copy of part.copies) encodeCopy(encoder, copy);
      gpu.queue.submit([encoder.finish()]);
      await gpu.queue.onSubmittedWorkDone();
      begin[i] = at;
      at += (performance.now() - began) / 1000;
      end[i] = at;
    }
    program.device.check();
    return { begin, end };
  }

  dispose(): void {}
}

function partsOf({ commands }: Program): Part[] {
  const parts: Part[] = [];
  for (const [at, command] of commands.entries()) {
    const last = parts.at(-1);
    if ("dispatch" in command) parts.push({ command, at });
    else if (last && "copies" in last) last.copies.push(command);
    else parts.push({ copies: [command], at });
  }
  return parts;
}

/** Every part with its medians; the times of the run whose sum is the middle one are shown on a time line. */
function spansOf(parts: readonly Part[], program: Program, runs: readonly Run[], first: Run): Span[] {
  const lengthOf = ({ begin, end }: Run, i: number) => end[i]! - begin[i]!;
  const sums = runs.map((run) => run.end.reduce((total, _, i) => total + lengthOf(run, i), 0));
  const middle = [...sums].sort((a, b) => a - b)[sums.length >> 1]!;
  const shown = runs[sums.indexOf(middle)]!;
  const { timeline } = program;
  const spans = parts.map((part, i) => {
    const lengths = runs.map((run) => lengthOf(run, i));
    return {
      ...descriptionOf(part),
      seconds: median(lengths),
      fastest: Math.min(...lengths),
      first: lengthOf(first, i),
      begin: shown.begin[i]!,
      end: shown.end[i]!,
      live: timeline[part.at]!,
    };
  });
  shareJobs(parts, spans);
  return spans;
}

/** Gives each span of a job a part of the job's operations, by its part of the time. */
function shareJobs(parts: readonly Part[], spans: readonly Span[]): void {
  const jobs = new Map<Job, Span[]>();
  for (const [i, part] of parts.entries()) {
    const job = "command" in part && part.command.dispatch.cost!.job;
    if (job) jobs.set(job, [...(jobs.get(job) ?? []), spans[i]!]);
  }
  for (const [job, members] of jobs) {
    const total = members.reduce((sum, { seconds }) => sum + seconds, 0);
    for (const span of members) span.flops = job.flops * (total > 0 ? span.seconds / total : 1 / members.length);
  }
}

type Description = Pick<Span, "op" | "gradient" | "layer" | "shape" | "kernel" | "groups" | "flops" | "bytes">;

function descriptionOf(part: Part): Description {
  if ("copies" in part) {
    const bytes = part.copies.reduce((sum, copy) => sum + 2 * copy.bytes, 0);
    const shape = `${part.copies.length} buffers`;
    return { op: "copy", gradient: false, layer: "", shape, kernel: "copy", groups: [0, 0, 0], flops: 0, bytes };
  }
  const { pipeline, groups, cost, origin } = part.command.dispatch;
  const { op, gradient, layer, inputs, output } = origin!;
  const { flops, bytes } = cost!;
  return { op, gradient, layer, shape: showShapes(inputs, output), kernel: pipeline.label, groups, flops, bytes };
}

/** What making each pipeline of a step took, the longest first. */
function compileTimes({ compileSeconds }: GpuDevice, spans: readonly Span[]): CompileTime[] {
  const times = new Map<string, CompileTime>();
  for (const { kernel, first, seconds } of spans) {
    const create = compileSeconds.get(kernel);
    if (create === undefined || times.has(kernel)) continue;
    times.set(kernel, { kernel, create, firstUse: Math.max(0, first - seconds) });
  }
  return [...times.values()].sort((a, b) => b.create + b.firstUse - a.create - a.firstUse);
}
