import { expect, it } from "vitest";
import { prepareStep, type Scenario } from "../../bench/steps.ts";
import { encoders } from "../../src/model/encoder.ts";
import { testDevice } from "../device.ts";

const scenario: Scenario = { encoder: encoders.tiny, task: "classify", classes: 3, batch: 2, height: 32, width: 32 };

it("a training step counts its gradients, which are about twice the forward pass, and inference none", async () => {
  const device = await testDevice();
  const flops: number[] = [];
  for (const group of ["infer", "train"] as const) {
    const step = await prepareStep(device, scenario, group, "eager");
    flops.push(step.flops!);
    step.dispose();
  }
  // Training also runs the privileged network, half as large as the two streams.
  const ratio = flops[1]! / flops[0]!;
  expect(ratio).toBeGreaterThan(3);
  expect(ratio).toBeLessThan(3.6);
});
