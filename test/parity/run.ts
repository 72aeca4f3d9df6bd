import { GpuDevice } from "../../src/tensor/device.ts";
import { hashBits, runCase, suites } from "../kernels/suite.ts";
import { trainingHash } from "./training.ts";

/** Everything that must have the same bits in two runtimes on one adapter. */
export interface ParityResult {
  adapter: string;
  /** Hash of the output and gradients of every case of every op suite. */
  cases: Record<string, string>;
  /** SHA-256 of weights, running statistics and moments after training. */
  training: string;
}

/** Runs all suites that were imported, then a training. */
export async function runParity(steps: number): Promise<ParityResult> {
  const device = await GpuDevice.open();
  const cases: Record<string, string> = {};
  for (const { op, spec } of suites.values()) {
    for (const test of spec.cases) {
      const { output, gradients } = await runCase(device, op, test);
      cases[`${op.name}: ${test.name}`] = [output, ...gradients].map((data) => (data ? hashBits(data) : "-")).join(" ");
    }
  }
  const training = await trainingHash(device, steps);
  const adapter = `${device.adapter.vendor} ${device.adapter.architecture} ${device.adapter.description}`;
  device.close();
  return { adapter, cases, training };
}
