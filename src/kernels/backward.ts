import { ShapeError } from "../tensor/errors.ts";
import { showShape } from "../tensor/shape.ts";
import { backpropagate } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { add } from "./binary.ts";

/**
 * Computes the gradient of a one-element loss, times `scale` (one element) where given, for every leaf with `requiresGrad`
 * and adds it to that leaf's `grad`.
 * @throws ShapeError if the loss has more than one element or depends on no such leaf.
 */
export function backward(loss: Tensor, scale: Tensor | null = null): void {
  if (loss.size !== 1) throw new ShapeError("backward", "a loss with one element", showShape(loss.shape));
  const seed = scale ? scale.view(loss.shape) : loss.device.upload([1], loss.shape, "f32");
  backpropagate(loss, seed, add);
  // That of a loss which is itself a leaf is its gradient.
  if (loss.grad !== seed) seed.dispose();
}
