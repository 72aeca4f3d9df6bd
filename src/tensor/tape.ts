import { ShapeError } from "./errors.ts";
import type { Op } from "./op.ts";
import { type Origin, withOrigin } from "./origin.ts";
import { showShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** One recorded operation: enough to compute the gradients of its inputs. */
export interface TapeNode<Attrs = unknown> {
  readonly id: number;
  readonly op: Op<Attrs>;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly saved: readonly Tensor[];
  readonly attrs: Attrs;
  /** Where in the network it was called. */
  readonly origin: Origin;
}

let recording = true;
let nextId = 1;

/** Whether operations are being recorded for a later `backward`. */
export function isRecording(): boolean {
  return recording;
}

/** Runs `body` without recording, as for inference and inside gradients. */
export function noGrad<T>(body: () => T): T {
  const before = recording;
  recording = false;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/** A fresh position on the tape. */
export function nextNodeId(): number {
  return nextId++;
}

/**
 * Walks the tape from a scalar loss back to the leaves and leaves each leaf's gradient in `grad` (added to what is there).
 * @throws ShapeError if the loss has more than one element or nothing was recorded for it.
 */
export function backpropagate(loss: Tensor, seed: Tensor, add: (a: Tensor, b: Tensor) => Tensor): void {
  if (loss.size !== 1) throw new ShapeError("backward", "a loss with one element", showShape(loss.shape));
  if (!loss.tracked) throw new ShapeError("backward", "a loss that depends on a tensor with requiresGrad", "none");
  noGrad(() => {
    const gradients = new Map<Tensor, Tensor>([[loss, seed]]);
    const accumulate = (tensor: Tensor, gradient: Tensor) => {
      const before = gradients.get(tensor);
      if (!before) {
        gradients.set(tensor, gradient);
        return;
      }
      // The gradients of a tensor that several ops have read come together.
      const inputs = [before.shape, gradient.shape];
      const { layer = "" } = tensor.node?.origin ?? {};
      const origin = { op: "accumulate", gradient: true, layer, inputs, output: tensor.shape };
      gradients.set(
        tensor,
        withOrigin(origin, () => add(before, gradient)),
      );
      before.dispose();
      gradient.dispose();
    };
    for (const node of reachable(loss)) {
      const dy = gradients.get(node.output);
      if (!dy) continue;
      const needs = node.inputs.map((input) => input.tracked);
      const results = node.op.backward(node, dy, needs);
      for (const [i, gradient] of results.entries()) {
        if (!gradient) continue;
        const input = node.inputs[i]!;
        if (!input.tracked) gradient.dispose();
        // A gradient that passes through unchanged must not be freed with the output's.
        else accumulate(input, gradient === dy ? dy.detach() : gradient);
      }
      gradients.delete(node.output);
      if (!node.output.requiresGrad && dy !== seed) dy.dispose();
    }
    for (const [tensor, gradient] of gradients) {
      if (!tensor.requiresGrad) continue;
      tensor.grad = tensor.grad ? add(tensor.grad, gradient) : gradient;
    }
  });
}

/** The nodes a loss depends on, latest first. */
function reachable(loss: Tensor): TapeNode[] {
  const seen = new Set<TapeNode>();
  const stack = loss.node ? [loss.node] : [];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) if (input.node) stack.push(input.node);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}
