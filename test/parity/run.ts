import type { Task } from "../../src/model/task.ts";
import { GpuDevice } from "../../src/tensor/device.ts";
import { families } from "../../src/tensor/variant.ts";
import { type Case, hashBits, runCase, suites } from "../kernels/suite.ts";
import { dataHashes } from "./data.ts";
import { predictions, type Said } from "./predictions.ts";
import { type Trained, train } from "./training.ts";

// Cases of each op that every variant runs, pinned.
const PINNED_CASES = 3;

/** Everything that must have the same bits in two runtimes on one adapter. */
export interface ParityResult {
  adapter: string;
  /** Hash of the output and gradients of every case of every op suite, and of some with each variant pinned. */
  cases: Record<string, string>;
  /** SHA-256 of what each part of the data pipeline gives. */
  data: Record<string, string>;
  /** What a training of each task ends with. */
  training: Record<Task, Trained>;
  /** What saved networks say of one picture. */
  predictions: Record<string, Said>;
}

/** Runs all suites that were imported, the data pipeline, a training of each task, and saved networks, by file. */
export async function runParity(steps: number, networks: Record<string, Uint8Array>): Promise<ParityResult> {
  const device = await GpuDevice.open();
  const cases: Record<string, string> = {};
  for (const { op, spec } of suites.values()) {
    const run = async (name: string, test: Case<unknown>) => {
      const { output, gradients } = await runCase(device, op, test);
      cases[`${op.name}: ${name}`] = [output, ...gradients].map((data) => (data ? hashBits(data) : "-")).join(" ");
    };
    for (const test of spec.cases) await run(test.name, test);
    for (const family of spec.families ?? []) {
      for (const variant of families().get(family)!.names) {
        device.pinned.set(family, variant);
        for (const test of spec.cases.slice(0, PINNED_CASES)) await run(`${test.name}, ${family} ${variant}`, test);
      }
      device.pinned.clear();
    }
  }
  const data = await dataHashes();
  const training = { classify: await train(device, "classify", steps), segment: await train(device, "segment", steps) };
  const said = await predictions(device, networks);
  const adapter = `${device.adapter.vendor} ${device.adapter.architecture} ${device.adapter.description}`;
  device.close();
  return { adapter, cases, data, training, predictions: said };
}
