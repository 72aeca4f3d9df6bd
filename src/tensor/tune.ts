import { type Dispatch, storagesOf } from "./command.ts";
import type { GpuDevice } from "./device.ts";
import type { PooledStorage, Storage } from "./pool.ts";
import { Recorder } from "./recorder.ts";
import { scope } from "./tensor.ts";
import { Stopwatch } from "./timing.ts";

/** One job of a kernel family as it was met: what each variant that can do it would dispatch. */
interface Job {
  key: string;
  preferred: string;
  candidates: { variant: string; dispatches: Dispatch[] }[];
}

/** What tuning found for one job. */
export interface TunedJob {
  /** The family and the numbers that describe the job. */
  key: string;
  /** The variant taken without tuning. */
  preferred: string;
  chosen: string;
  /** Least GPU time in seconds, by variant: what disturbs a measurement only makes it longer. */
  seconds: Record<string, number>;
}

/** How tuning runs, and what is told while it does. */
export interface TuneOptions {
  /** Measurements of each variant, interleaved. */
  rounds?: number;
  /** Another variant than the preferred one is chosen where it takes at most this share of its time. */
  worth?: number;
  /** Also measures jobs for which there is a choice already. */
  again?: boolean;
  progress?(done: number, total: number, job: TunedJob): void;
}

// A measurement repeats a job until it takes about so long, in seconds, but not more often than that.
const MEASURED = 2e-3;
const MAX_REPEATS = 64;

/** Collects the jobs of a step without running them. */
export class Tuner {
  readonly jobs = new Map<string, Job>();

  constructor(
    private readonly device: GpuDevice,
    private readonly again: boolean,
  ) {}

  /** Takes note of a job and of what each variant would do for it. */
  offer(key: string, preferred: string, variants: Record<string, () => void>): void {
    const { device } = this;
    if (this.jobs.has(key) || Object.keys(variants).length < 2) return;
    if (!this.again && device.choices.has(key)) return;
    const outer = device.recorder;
    const candidates = Object.entries(variants).map(([variant, run]) => {
      const recorder = new Recorder(device.pool);
      device.recorder = recorder;
      try {
        run();
      } finally {
        device.recorder = outer;
      }
      return { variant, dispatches: recorder.commands.filter((command) => "pipeline" in command) };
    });
    this.jobs.set(key, { key, preferred, candidates });
  }
}

/**
 * Finds the fastest variant for every job of a step that has several, by timing each on this device, and remembers it in
 * `device.choices`. `body` is recorded, not run, and so are the jobs: nothing that it touches changes.
 */
export async function tune(
  device: GpuDevice,
  body: () => unknown,
  { rounds = 5, worth = 0.95, again = false, progress }: TuneOptions = {},
): Promise<TunedJob[]> {
  const jobs = collect(device, body, again);
  const watch = new Stopwatch(device);
  const tuned: TunedJob[] = [];
  try {
    for (const job of jobs) {
      const seconds = await measure(device, watch, job, rounds);
      let chosen = job.preferred;
      for (const [variant, time] of Object.entries(seconds)) {
        const bar = chosen === job.preferred ? worth * seconds[chosen]! : seconds[chosen]!;
        if (time < bar) chosen = variant;
      }
      device.choices.set(job.key, chosen);
      const found = { key: job.key, preferred: job.preferred, chosen, seconds };
      tuned.push(found);
      progress?.(tuned.length, jobs.length, found);
    }
  } finally {
    watch.dispose();
  }
  return tuned;
}

function collect(device: GpuDevice, body: () => unknown, again: boolean): Job[] {
  const recorder = new Recorder(device.pool);
  const tuner = new Tuner(device, again);
  device.recorder = recorder;
  device.tuner = tuner;
  try {
    scope(() => void body());
  } finally {
    device.recorder = null;
    device.tuner = null;
    for (const storage of recorder.constants) storage.release();
  }
  return [...tuner.jobs.values()];
}

/** Least seconds of each variant of a job, on buffers of its own. */
async function measure(
  device: GpuDevice,
  watch: Stopwatch,
  { candidates }: Job,
  rounds: number,
): Promise<Record<string, number>> {
  const scratch = new Map<Storage, PooledStorage>();
  const own = (storage: Storage) => {
    const found = scratch.get(storage) ?? device.pool.acquire(storage.bytes, "tune");
    scratch.set(storage, found);
    return found;
  };
  try {
    const times = candidates.map(({ variant, dispatches }) => ({
      variant,
      dispatches: dispatches.map((dispatch) => ({ ...dispatch, buffers: storagesOf(dispatch).map(own) })),
      repeats: 1,
      seconds: [] as number[],
    }));
    const run = ({ dispatches, repeats }: (typeof times)[number]) => {
      for (let i = 0; i < repeats; i++) for (const dispatch of dispatches) device.stream.dispatch(dispatch);
    };
    for (const candidate of times) {
      // The first time, pipelines are compiled.
      await watch.time(() => run(candidate));
      const once = await watch.time(() => run(candidate));
      candidate.repeats = Math.max(1, Math.min(MAX_REPEATS, Math.round(MEASURED / once)));
    }
    for (let round = 0; round < rounds; round++) {
      for (const candidate of times) {
        candidate.seconds.push((await watch.time(() => run(candidate))) / candidate.repeats);
      }
    }
    return Object.fromEntries(times.map(({ variant, seconds }) => [variant, Math.min(...seconds)]));
  } finally {
    for (const storage of scratch.values()) storage.release();
  }
}
