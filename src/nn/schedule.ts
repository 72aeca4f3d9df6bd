import { cos } from "../tensor/math.ts";

/** A one-cycle learning rate: cosine warm-up from peak/startDivisor, cosine decay to peak/endDivisor. */
export interface OneCycle {
  peak: number;
  steps: number;
  /** Share of the steps that warm up. */
  warmup: number;
  startDivisor: number;
  endDivisor: number;
}

/**
 * The learning rate of step 0..steps-1.
 * Source: Smith & Topin 2017, with the phases and cosine interpolation of PyTorch's OneCycleLR.
 */
export function oneCycle({ peak, steps, warmup, startDivisor, endDivisor }: OneCycle, step: number): number {
  const top = warmup * steps - 1;
  const between = (from: number, to: number, share: number) => to + ((from - to) / 2) * (1 + cos(Math.PI * share));
  if (step <= top) return between(peak / startDivisor, peak, top > 0 ? step / top : 1);
  return between(peak, peak / endDivisor, Math.min(1, (step - top) / Math.max(1, steps - 1 - top)));
}
