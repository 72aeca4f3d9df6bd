import { ShapeError } from "./errors.ts";
import type { Op } from "./op.ts";
import { type Origin, withOrigin } from "./origin.ts";
import { sameShape, showShape } from "./shape.ts";
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
  return whileRecording(false, body);
}

/** Runs `body` with recording, inside of `noGrad` too: for what computes a part of the forward pass again. */
export function withGrad<T>(body: () => T): T {
  return whileRecording(true, body);
}

function whileRecording<T>(on: boolean, body: () => T): T {
  const before = recording;
  recording = on;
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
 * Walks the tape from an output, whose gradient is the seed of the same shape, back to the leaves, and leaves each leaf's
 * gradient in `grad` (added to what is there). Returns those leaves.
 * @throws ShapeError if the seed has another shape or nothing was recorded for the output.
 */
export function backpropagate(output: Tensor, seed: Tensor, add: (a: Tensor, b: Tensor) => Tensor): Tensor[] {
  if (!sameShape(output.shape, seed.shape)) {
    throw new ShapeError("backward", `a gradient ${showShape(output.shape)}`, showShape(seed.shape));
  }
  if (!output.tracked) throw new ShapeError("backward", "a loss that depends on a tensor with requiresGrad", "none");
  return noGrad(() => {
    const gradients = new Map<Tensor, Tensor>([[output, seed]]);
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
    for (const node of reachable(output)) {
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
      if (dy !== seed) dy.dispose();
    }
    const leaves = [...gradients].filter(([tensor]) => tensor.requiresGrad);
    for (const [tensor, gradient] of leaves) {
      const before = tensor.grad;
      tensor.grad = before ? add(before, gradient) : gradient;
      if (before) for (const added of [before, gradient]) added.dispose();
    }
    return leaves.map(([tensor]) => tensor);
  });
}

/** The nodes an output depends on, latest first. */
function reachable(output: Tensor): TapeNode[] {
  const seen = new Set<TapeNode>();
  const stack = output.node ? [output.node] : [];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) if (input.node) stack.push(input.node);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}
