import type { Case } from "../../bench/cases.ts";
import type { Result } from "../../bench/result.ts";
import type { Task } from "../../src/model/task.ts";
import type { TitledProfile } from "../../src/run/profile.ts";
import type { NetworkName } from "../demo/types.ts";

/** A case that can be measured. */
export interface CaseName extends Pick<Case, "name" | "group"> {
  /** Whether the short choice has it. */
  short: boolean;
}

/** What the visitor chose to measure, as the command line has it. */
export interface BenchChoice {
  /** Words that the cases have. */
  filter: string;
  short: boolean;
  /** Samples of each case at most. */
  rounds: number;
  /** Seconds for each case, about. */
  budget: number;
}

/** How far a run of the bench is. */
export interface BenchUpdate {
  /** Everything measured so far. */
  result: Result;
  /** Number of the cases that can be measured here; 0 until the ceilings are known. */
  total: number;
  /** The case that is measured now. */
  next: string | null;
  /** Seconds that are left, where that is known. */
  left: number | null;
}

/** A step that can be profiled. */
export type StepName = `train ${Task}` | `predict ${Task} ${NetworkName}`;

/** What the visitor chose to profile. */
export interface ProfileChoice {
  step: StepName;
  /** Images a step. */
  batch: number;
  /** Side of the images in pixels; trained networks have one of their own. */
  size: number;
  /** Profiled runs. */
  runs: number;
}

/** How far a profile is. */
export interface ProfileUpdate {
  run: number;
  runs: number;
}

/** A profile, and the adapter that it was taken on. */
export interface ProfileResult extends TitledProfile {
  adapter: string;
}
