import type * as whole from "../../tensor/origin.ts";

/** Runs the body: nobody looks at what was recorded. */
export const withOrigin: typeof whole.withOrigin = (_origin, body) => body();

/** No layer. */
export const currentLayer: typeof whole.currentLayer = () => "";
