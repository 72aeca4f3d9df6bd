import { cos } from "../tensor/math.ts";
import { type OneCycle, oneCycle } from "./schedule.ts";

/** A learning rate that changes by one of several rules. All but one-cycle warm up linearly, in a whole number of steps. */
export interface Schedule extends OneCycle {
  /** One cycle; behind the warm-up along a cosine to zero, down to a tenth at each milestone, or always the peak. */
  kind: "one-cycle" | "cosine" | "steps" | "constant";
  /** Of `steps`: the shares of all steps, the warm-up's included, behind which the rate is a tenth of what it was. */
  milestones: readonly number[];
}

/**
 * The learning rate of step 0..steps-1. Warm-up of W steps: peak (step+1)/W. Cosine behind it: peak/2 (1 + cos(πt/T)), t and
 * T being the steps since then and in all.
 * Source: PyTorch's LinearLR(1/W, total_iters=W-1), CosineAnnealingLR(T) and MultiStepLR.
 */
export function learningRate(schedule: Schedule, step: number): number {
  const { kind, peak, steps, warmup, milestones } = schedule;
  if (kind === "one-cycle") return oneCycle(schedule, step);
  const warm = Math.round(warmup * steps);
  if (step < warm) return (peak * (step + 1)) / warm;
  if (kind === "cosine") return (peak / 2) * (1 + cos((Math.PI * (step - warm)) / (steps - warm)));
  if (kind === "constant") return peak;
  return milestones.reduce((rate, share) => (step < Math.round(share * steps) ? rate : rate * 0.1), peak);
}
