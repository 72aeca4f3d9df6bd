import type * as whole from "../../tensor/choices.ts";

/** None: what was tuned is mostly a choice among kernels that are not here. */
export const readChoices: typeof whole.readChoices = () => ({ adapter: "", choices: {}, pins: {} });

/** Leaves the device as it is. */
export const useChoices: typeof whole.useChoices = () => {};
