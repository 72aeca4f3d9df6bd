/** Where the time goes: profiles of steps and of programs, traces, an adapter's ceilings, and the search for fast kernels. */
export { type Ceilings, measureCeilings } from "./kernels/ceilings.ts";
export { profilePrediction, profileTraining, type StepProfileOptions } from "./model/profile.ts";
export { tunePrediction, tuneTraining } from "./model/tune.ts";
export { clearChoices, loadChoices, type RememberedChoices, saveChoices } from "./tensor/choicesStore.ts";
export {
  type CompileTime,
  type Group,
  type Grouping,
  groupings,
  groupSpans,
  type Limits,
  type Profile,
  type Span,
  totalOf,
} from "./tensor/profile.ts";
export { type ProfileOptions, profileProgram } from "./tensor/profiler.ts";
export { chromeTrace, type Trace, type TraceEvent } from "./tensor/trace.ts";
export { type TunedJob, type TuneOptions, tune } from "./tensor/tune.ts";
