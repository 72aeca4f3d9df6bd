import { allCases, chosenCases, isShort } from "../../bench/all.ts";
import { blocks, type Case } from "../../bench/cases.ts";
import { adapterName, factsOf, type Surroundings, UNKNOWN } from "../../bench/facts.ts";
import { freshResult, type Result } from "../../bench/result.ts";
import { ceilingsOf, measureCases, withinReach } from "../../bench/run.ts";
import { Timer } from "../../bench/timing.ts";
import { OnestageError, UsageError } from "../../src/tensor/errors.ts";
import type {
  BenchChoice,
  BenchUpdate,
  CaseName,
  ProfileChoice,
  ProfileResult,
  ProfileUpdate,
} from "../bench/types.ts";
import { within } from "./choice.ts";
import type { DeviceKeeper } from "./device.ts";
import { profileChosen } from "./profile.ts";

/** The visitor has ended what was going on. */
class StoppedError extends OnestageError {
  override name = "StoppedError";
}

/** Measures and profiles, one thing at a time, each on a device that has compiled nothing before. */
export class Bench {
  #busy = false;
  #stopped = false;

  constructor(
    private readonly keeper: DeviceKeeper,
    private readonly tellBench: (update: BenchUpdate) => void,
    private readonly tellProfile: (update: ProfileUpdate) => void,
  ) {}

  /** All cases. */
  cases(): CaseName[] {
    return allCases().map(({ name, group }) => ({ name, group, short: isShort({ name }) }));
  }

  /** Ends what is going on, as soon as the GPU has done what it was given. */
  stop(): void {
    this.#stopped = true;
  }

  /** Measures the cases that are chosen. @throws UsageError if none are */
  async measure({ filter, short, rounds, budget }: BenchChoice): Promise<Result> {
    const cases = chosenCases(filter, short);
    if (cases.length === 0) throw new UsageError(`words: expected words of a case, got ${filter}`);
    within("samples", rounds, 1, 1000);
    if (!(budget > 0 && budget <= 3600)) throw new UsageError(`seconds: expected up to 3600, got ${budget}`);
    return this.#alone(async () => {
      const device = await this.keeper.fresh();
      const result = freshResult(factsOf(device, surroundings()), { filter: filter || null, rounds, budget });
      const timer = new Timer(device);
      const effort = { rounds, budget: 1000 * budget, check: () => this.#check() };
      const order: Case[] = [];
      let began = 0;
      const tell = (next: string | null = order[result.rows.length]?.name ?? null) => {
        const done = result.rows.length;
        const each = (performance.now() - began) / 1000 / done;
        const left = done > 0 && next !== null ? each * (order.length - done) : null;
        this.tellBench({ result, total: order.length, next, left });
      };
      try {
        tell("what this adapter can do at most");
        result.ceilings = await ceilingsOf(device);
        const { chosen, skipped } = withinReach(cases, result.ceilings);
        result.skipped = skipped;
        order.push(...blocks(chosen).flat());
        began = performance.now();
        tell();
        await measureCases(device, timer, chosen, effort, (row) => {
          result.rows.push(row);
          tell();
        });
      } catch (error) {
        result.interrupted = true;
        tell(null);
        if (!(error instanceof StoppedError)) throw error;
      } finally {
        timer.dispose();
      }
      return result;
    });
  }

  /** Profiles a step; null if it is stopped before its end. */
  profile(choice: ProfileChoice): Promise<ProfileResult | null> {
    within("images a step", choice.batch, 1, 1024);
    within("image size", choice.size, 8, 256);
    within("runs", choice.runs, 1, 1000);
    return this.#alone(async () => {
      const device = await this.keeper.fresh();
      let run = 0;
      const check = () => {
        this.#check();
        this.tellProfile({ run: run++, runs: choice.runs + 1 });
      };
      try {
        const adapter = adapterName(factsOf(device, surroundings()).adapter);
        return { ...(await profileChosen(device, choice, check)), adapter };
      } catch (error) {
        if (error instanceof StoppedError) return null;
        throw error;
      }
    });
  }

  async #alone<T>(body: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new UsageError("bench: expected one run at a time, got another one");
    this.#busy = true;
    this.#stopped = false;
    try {
      return await body();
    } finally {
      this.#busy = false;
    }
  }

  #check(): void {
    if (this.#stopped) throw new StoppedError("stopped");
  }
}

/** What this browser says of where it runs: not much, so that visitors are not told apart. */
function surroundings(): Surroundings {
  const { hardwareConcurrency, platform, userAgent, deviceMemory } = navigator as Navigator & { deviceMemory?: number };
  return {
    machine: {
      processor: UNKNOWN,
      cores: hardwareConcurrency,
      memory: deviceMemory === undefined ? null : deviceMemory * 2 ** 30,
      platform,
    },
    load: [],
    chosen: null,
    versions: { node: null, webgpu: null, browser: browserName(userAgent) },
    toggles: [],
  };
}

/** Name and version out of what a browser calls itself: the most telling of the many names in there. */
function browserName(userAgent: string): string {
  for (const name of ["Edg", "OPR", "Firefox", "HeadlessChrome", "Chrome", "Version"]) {
    const [, version] = new RegExp(`\\b${name}/([\\d.]+)`).exec(userAgent) ?? [];
    if (version) return `${name === "Version" ? "Safari" : name} ${version}`;
  }
  return userAgent;
}
