import type * as whole from "../../nn/recompute.ts";

/** Runs the body: without gradients nothing is computed again. */
export const recompute: typeof whole.recompute = (x, pass, body) => body(x, pass);
