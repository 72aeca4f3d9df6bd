import type { EncoderConfig } from "../../src/model/encoder.ts";

/** An encoder, with its decoder, that is small enough for the oracle. */
export const smallEncoder = {
  ...{ stem: 4, pool: 2, widths: [6, 8, 10], blocks: [1, 1, 1] },
  decoder: { context: 6, widths: [5, 4], blocks: 1, doublings: 2 },
  bins: [1, 3],
} as const satisfies EncoderConfig;
