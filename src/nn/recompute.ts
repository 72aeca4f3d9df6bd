import { add } from "../kernels/binary.ts";
import { UsageError } from "../tensor/errors.ts";
import { defineOp, type Op } from "../tensor/op.ts";
import { currentLayer } from "../tensor/origin.ts";
import { backpropagate, isRecording, nextNodeId, noGrad, withGrad } from "../tensor/tape.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import type { Pass } from "./module.ts";

type Body = (x: Tensor, pass: Pass) => Tensor;

const recomputeOp = defineOp<{ body: Body; pass: Pass }>({
  name: "recompute",
  shape() {
    throw new UsageError("recompute: expected to be called through recompute(), got applied as an op");
  },
  forward() {
    throw new UsageError("recompute: expected to be called through recompute(), got run as an op");
  },
  vjp(_device, { inputs: [x], attrs: { body, pass } }, dy, [needed]) {
    const [dx] = scope(() => {
      const again = x!.detach();
      again.requiresGrad = needed!;
      const leaves = backpropagate(
        withGrad(() => body(again, pass)),
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
export function recompute(x: Tensor, pass: Pass, body: Body): Tensor {
  if (!isRecording()) return body(x, pass);
  const seeds: ReturnType<Pass["seed"]>[] = [];
  const first: Pass = {
    ...{ training: pass.training, repeated: pass.repeated },
    seed: () => {
      seeds.push(pass.seed());
      return seeds.at(-1)!;
    },
  };
  const output = scope(() => noGrad(() => body(x, first)));
  let drawn = 0;
  const second: Pass = { training: pass.training, repeated: true, seed: () => seeds[drawn++]! };
  const attrs = { body, pass: second };
  const origin = { op: "recompute", gradient: false, layer: currentLayer(), inputs: [x.shape], output: output.shape };
  output.node = { id: nextNodeId(), op: recomputeOp as Op, inputs: [x], output, saved: [], attrs, origin };
  return output;
}
