import type { Arr } from "./array.ts";

/** Attributes of any op; each op's module declares its own interface. */
// biome-ignore lint/suspicious/noExplicitAny: one table holds ops with different attributes
export type Attrs = any;

/** A float64 reference implementation of one op; optional inputs may be left out at the end. */
export type Oracle = (inputs: Arr[], attrs?: Attrs) => Arr;

/** Gradients with respect to every input of an op, given the gradient of its output; null for constants. */
export type OracleVjp = (inputs: Arr[], attrs: Attrs, dy: Arr) => (Float64Array | null)[];
