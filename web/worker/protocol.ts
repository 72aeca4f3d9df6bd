import type { Result } from "../../bench/result.ts";
import type {
  BenchChoice,
  BenchUpdate,
  CaseName,
  ProfileChoice,
  ProfileResult,
  ProfileUpdate,
} from "../bench/types.ts";
import type { DemoQuestion, DemoResult, Raster, SceneQuestion, Score, ScoreQuestion } from "../demo/types.ts";
import type { RunChoice, RunSnapshot, RunUpdate, SavedRun } from "../train/types.ts";

/** What the worker says about its GPU device. */
export interface DeviceFacts {
  /** The adapter's name for people. */
  name: string;
  /** Whether the arithmetic runs on the CPU. */
  software: boolean;
  /** Whether the GPU's own clock can be read. */
  timestamps: boolean;
}

/** A network's weights as a file. */
export interface WeightsFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What a page may ask of the worker, by name: the argument and the answer. */
export interface Calls {
  device(): DeviceFacts;
  /** The run that an earlier visit left, if there is one. */
  "train/saved"(): SavedRun | null;
  "train/start"(choice: RunChoice): RunSnapshot;
  "train/resume"(): RunSnapshot;
  /** Settles when the run is saved. */
  "train/pause"(): void;
  /** Ends the run where it is; its weights stay until another one starts. */
  "train/stop"(): void;
  "train/weights"(): WeightsFile;
  "train/discard"(): void;
  /** A scene that the page draws, as a picture. */
  "demo/scene"(question: SceneQuestion): Raster;
  "demo/ask"(question: DemoQuestion): DemoResult;
  "demo/score"(question: ScoreQuestion): Score;
  "bench/cases"(): CaseName[];
  /** Settles at the end; what was measured until then is told as it comes. */
  "bench/measure"(choice: BenchChoice): Result;
  /** Null if it was stopped. */
  "bench/profile"(choice: ProfileChoice): ProfileResult | null;
  /** Ends what is measured or profiled. */
  "bench/stop"(): void;
  /** For tests: destroys the device as if the system had taken it away. */
  "test/lose"(): void;
}

/** What the worker says unasked. */
export interface Events {
  train: RunUpdate;
  bench: BenchUpdate;
  profile: ProfileUpdate;
}

/** A request of the page. */
export interface Request<Name extends keyof Calls = keyof Calls> {
  id: number;
  call: Name;
  argument: Parameters<Calls[Name]>[0];
}

/** An error as it crosses between page and worker. */
export interface WireError {
  name: string;
  message: string;
}

/** The answer to a request, or an event. */
export type Reply =
  | { id: number; result: unknown }
  | { id: number; error: WireError }
  | { [Name in keyof Events]: { event: Name; data: Events[Name] } }[keyof Events];
