import { argmax, softmax } from "../../kernels/softmax.ts";
import { averagedScores } from "../../model/architectures.ts";
import { dropHallucinationHead, unloadedMethod } from "../../model/deploy.ts";
import { type Answering, type DeviceBatch, type Method, methods } from "../../model/methods.ts";
import { type HostBatch, type InputName, inputsOf } from "../../model/train.ts";
import { emptyBatch } from "../../run/batches.ts";
import { networkConfig } from "../../run/settings.ts";
import { disposeMethod } from "../../run/stage.ts";
import { Compiled } from "../../tensor/compile.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Workplace } from "./cell.ts";
import type { Cell } from "./matrix.ts";

// Every network is timed so often in each turn, after predictions that compile and warm up; the median of all counts.
const TURNS = 3;
const WARM = 2;
const TIMED = 7;

/** What a network takes where it is used. */
export interface Deployment {
  /** Weights. */
  parameters: number;
  /** Median time to predict one image, its answer read back. */
  seconds: number;
}

interface Timed {
  parameters: number;
  times: number[];
}

/**
 * Measures the networks of some cells as they are deployed, all in turns, so that what else the machine does meets all of
 * them. Weights do not matter and are 0; networks of one form are measured once.
 */
export async function measureDeployments(
  place: Workplace,
  wanted: readonly { cell: Cell; head: Answering }[],
): Promise<Deployment[]> {
  const forms = wanted.map(({ cell, head }) => formOf(cell, head));
  const measured = new Map<string, Timed>();
  for (let turn = 0; turn < TURNS; turn++) {
    const done = new Set<string>();
    for (const [i, { cell, head }] of wanted.entries()) {
      const form = forms[i]!;
      if (done.has(form)) continue;
      done.add(form);
      const { parameters, times } = await measure(place, cell, head);
      measured.set(form, { parameters, times: [...(measured.get(form)?.times ?? []), ...times] });
    }
  }
  return forms.map((form) => {
    const { parameters, times } = measured.get(form)!;
    return { parameters, seconds: times.sort((a, b) => a - b)[times.length >> 1]! };
  });
}

/** What decides a network's form: not how it was trained. */
function formOf({ method, stage: { settings } }: Cell, head: Answering): string {
  const { architecture, available } = methods[method];
  const { task, model, modalities, fusion, fusionBlock, fusionNorm, contextBins, precision } = settings;
  const fused = [fusion, fusionBlock, fusionNorm, contextBins];
  return JSON.stringify([architecture, available, task, model, modalities, ...fused, precision, head]);
}

async function measure({ device, facts }: Workplace, cell: Cell, head: Answering): Promise<Timed> {
  const { settings } = cell.stage;
  const config = networkConfig(settings, facts);
  const method = unloadedMethod(cell.method, device, config);
  if (head === "fused") dropHallucinationHead(method.network, config);
  const compiled = new Compiled<InputName, Tensor[]>(device, (batch) => noGrad(() => [answer(method, batch, head)]));
  const image: HostBatch = emptyBatch({ settings: { ...settings, batch: 1 }, stages: [], dataset: facts }, facts);
  const times: number[] = [];
  for (let run = -WARM; run < TIMED; run++) {
    const began = performance.now();
    await device.readMany(compiled.run(inputsOf(image)));
    if (run >= 0) times.push((performance.now() - began) / 1000);
  }
  const parameters = method.network.parameterCount();
  compiled.dispose();
  disposeMethod(method);
  return { parameters, times };
}

/** Probabilities of the image's classes, or the class of each pixel. */
function answer(method: Method, batch: DeviceBatch, head: Answering): Tensor {
  const prediction = method.predict(batch);
  const scores = head === "averaged" ? averagedScores(prediction)! : prediction.logits;
  return method.task === "segment" ? argmax(scores) : softmax(scores);
}
