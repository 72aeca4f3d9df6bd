import type * as whole from "../../nn/recompute.ts";

/** Runs the block: without gradients nothing is computed again. */
export const recompute: typeof whole.recompute = (block, x, pass) => block.forward(x, pass);
