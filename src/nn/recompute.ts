import { add } from "../kernels/binary.ts";
import { UsageError } from "../tensor/errors.ts";
import { defineOp, type Op } from "../tensor/op.ts";
import { currentLayer } from "../tensor/origin.ts";
import { backpropagate, isRecording, nextNodeId, noGrad, withGrad } from "../tensor/tape.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import type { Module, Pass } from "./module.ts";

/** A part of a network from one map to one map. */
type Block = Module & { forward(x: Tensor, pass: Pass): Tensor };

function refuse(): never {
  throw new UsageError("recompute: expected recompute(), got its op");
}

const recomputeOp = defineOp<{ block: Block; pass: Pass }>({
  name: "recompute",
  shape: refuse,
  forward: refuse,
  vjp(_device, { inputs: [x], attrs: { block, pass } }, dy, [needed]) {
    const [dx] = scope(() => {
      const again = x!.detach();
      again.requiresGrad = needed!;
      const leaves = backpropagate(
        withGrad(() => block.forward(again, pass)),
        dy,
        add,
      );
      // Gradients of parameters outlive the part's own tensors.
      return [again.grad, ...leaves.map(({ grad }) => grad)];
    });
    return [dx!];
  },
});

/**
 * Runs a part of a network without keeping its inner tensors: the backward pass computes them again from x. The same
 * numbers as without, for about a third more work; random layers draw once, running statistics move once.
 * Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
 */
export function recompute(block: Block, x: Tensor, pass: Pass): Tensor {
  // Nothing is kept for the backward pass of what learns nothing.
  if (!isRecording() || !(x.tracked || block.parameters().size > 0)) return block.forward(x, pass);
  const seeds: ReturnType<Pass["seed"]>[] = [];
  const first: Pass = {
    ...{ training: pass.training, repeated: pass.repeated },
    seed: () => {
      seeds.push(pass.seed());
      return seeds.at(-1)!;
    },
  };
  const output = scope(() => noGrad(() => block.forward(x, first)));
  let drawn = 0;
  const second: Pass = { training: pass.training, repeated: true, seed: () => seeds[drawn++]! };
  const attrs = { block, pass: second };
  const origin = { op: "recompute", gradient: false, layer: currentLayer(), inputs: [x.shape], output: output.shape };
  output.node = { id: nextNodeId(), op: recomputeOp as Op, inputs: [x], output, saved: [], attrs, origin };
  return output;
}
