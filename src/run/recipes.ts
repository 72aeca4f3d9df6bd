import type { RecipeName, Settings } from "./settings.ts";

// One cycle as in the segmentation scripts, and what both datasets have in common. Source: method.md d.1, d.2.
const segmentation = {
  ...{ task: "segment", model: "resnet34-nbt1d", batch: 8, epochs: 300, privilegedEpochs: 300 },
  ...{ weightDecay: 1e-4, clip: 0, smoothing: 0 },
  ...{ schedule: "one-cycle", warmUp: 0.1, startDivisor: 25, endDivisor: 25e4 },
  ...{ crop: 0, jitter: 0, gain: 0, hueSaturation: 0.1, valueShift: 25 },
} as const satisfies Partial<Settings>;

/**
 * Published training recipes, as far as settings can say them. docs/COMPARE.md has what each leaves out.
 * Source: method.md d.1 (nyuv2), d.2 (cityscapes), d.3 (casia-surf), d.4 (mshnet).
 */
export const recipes: Readonly<Record<RecipeName, Partial<Settings>>> = {
  none: {},
  nyuv2: { ...segmentation, optimiser: "sgd", lr: 0.01, classWeights: "median", scale: "1,1.4" },
  cityscapes: {
    ...segmentation,
    ...{ optimiser: "adam", lr: 1e-4, classWeights: "equal", scale: "0.5,2", contextBins: "1,2,4,8" },
  },
  "casia-surf": {
    ...{ task: "classify", model: "resnet18-se", batch: 64, epochs: 100, privilegedEpochs: 100 },
    ...{ optimiser: "sgd", lr: 1e-3, weightDecay: 5e-4, clip: 0, smoothing: 0, classWeights: "equal" },
    // Five epochs of 100.
    ...{ schedule: "steps", warmUp: 0.05, milestones: "1/6,1/3,1/2" },
    // 112 of 144 pixels.
    ...{ crop: 7 / 9, jitter: 0, gain: 0, rotation: 30 },
  },
  mshnet: {
    ...{ task: "classify", batch: 32, epochs: 500, privilegedEpochs: 500 },
    ...{ optimiser: "sgd", lr: 1e-3, weightDecay: 5e-3, clip: 0, smoothing: 0, temperature: 2 },
    // Five epochs of 500.
    ...{ schedule: "cosine", warmUp: 0.01 },
  },
};

/** Settings of a recipe; the learning rate of the segmentation recipes is for a batch of 8, and grows with the batch. */
export function recipeSettings(name: RecipeName, batch?: number): Partial<Settings> {
  const recipe = recipes[name];
  if (recipe.task !== "segment" || batch === undefined) return recipe;
  return { ...recipe, lr: (recipe.lr! * batch) / recipe.batch! };
}
