import { add } from "../kernels/binary.ts";
import { crossEntropy } from "../kernels/loss.ts";
import { type Init, Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { targetAt } from "./task.ts";

/** The cross entropy of a task: with its class weights and label smoothing, summed over scales. */
export class Judge extends Module {
  /** Weight of each class, [classes]; null where all count the same. */
  readonly classWeights: Tensor | null;
  readonly #smoothing: number;

  constructor(init: Init, classWeights: readonly number[] | null, smoothing: number) {
    super();
    this.classWeights = classWeights ? init.device.upload(classWeights, [classWeights.length], "f32").keep() : null;
    this.#smoothing = smoothing;
  }

  /**
   * Mean cross entropy of the scores of each scale ([N,classes], or [N,H,W,classes] for pixels) against the target at that
   * scale, summed over scales; target: u32 [N], or [N,H,W] for pixels, 255 = not counted.
   */
  judge(scores: readonly Tensor[], target: Tensor, labelSmoothing = this.#smoothing): Tensor {
    const { classWeights } = this;
    return scores
      .map((scale) => crossEntropy(scale, targetAt(scale, target), { labelSmoothing, classWeights }))
      .reduce(add);
  }
}
