import { makeBatch } from "../data/batch.ts";
import type { Dataset, Sample } from "../data/sample.ts";
import { type ImagePrediction, predictBatch } from "../model/evaluate.ts";
import { type FeatureMap, featureMaps } from "../model/features.ts";
import { type Method, type MethodName, methods, privilegedOf } from "../model/methods.ts";
import { argmax } from "../model/metrics.ts";
import { OneStageNetwork } from "../model/onestage.ts";
import type { Stage } from "../model/plan.ts";
import { SingleNetwork } from "../model/single.ts";
import { type HostBatch, upload } from "../model/train.ts";
import { depthToRgb, featureToRgb, type ImageReport, type SampleReport } from "../report/index.ts";
import type { GpuDevice } from "../tensor/device.ts";
import type { DatasetFacts } from "./config.ts";
import { GALLERY_IMAGES } from "./presets.ts";

// Rows that a feature map must have to show anything.
const LEAST_ROWS = 4;

/** The images of the report: what each network says about them, and what it sees in them. */
export class Gallery {
  readonly #samples: Sample[];
  readonly #batch: HostBatch;
  readonly #predictions = new Map<MethodName, ImagePrediction[]>();
  readonly #maps = new Map<MethodName, FeatureMap[]>();

  constructor(
    dataset: Dataset,
    private readonly facts: DatasetFacts,
  ) {
    const indices = differentClasses(dataset, facts.evaluation, GALLERY_IMAGES);
    this.#samples = indices.map((index) => dataset.sample(facts.evaluation, index));
    this.#batch = makeBatch(dataset, facts.evaluation, indices, facts.depth, null);
  }

  /** Takes down what a trained method says and sees. */
  async add(device: GpuDevice, method: Method): Promise<void> {
    this.#predictions.set(method.name, await predictBatch(device, method, this.#batch));
    const { network } = method;
    const encoder =
      network instanceof SingleNetwork ? network.encoder : network instanceof OneStageNetwork ? network.h : null;
    if (!encoder || method.seen === "both") return;
    const batch = upload(device, this.#batch);
    this.#maps.set(method.name, await featureMaps(device, encoder, batch[method.seen]!, LEAST_ROWS));
    for (const tensor of Object.values(batch)) tensor?.dispose();
  }

  /** The samples for the report. */
  result(stages: readonly Stage[]): SampleReport[] {
    const { classes } = this.facts;
    return this.#samples.map((sample, i) => ({
      name: sample.name,
      truth: classes[sample.target!]!,
      images: [...pictures(sample), ...stages.flatMap((stage) => this.#restored(stage, i))],
      predictions: [...this.#predictions].map(([network, all]) => {
        const { probabilities } = all[i]!;
        const best = argmax(probabilities);
        return {
          network,
          predicted: classes[best]!,
          probability: probabilities[best]!,
          correct: best === sample.target,
        };
      }),
    }));
  }

  /** What a hallucination stream makes of image i, beside what its privileged network saw in the missing modality. */
  #restored({ name, teacher }: Stage, i: number): ImageReport[] {
    const missing = privilegedOf(name);
    const map = this.#maps.get(name)?.[i];
    if (!missing || !map) return [];
    const title = methods[name].title;
    const images = [heatMap(`${title}: ${missing} features restored`, map)];
    const taught = teacher && this.#maps.get(teacher)?.[i];
    return taught ? [...images, heatMap(`${methods[teacher].title}: features of the true ${missing}`, taught)] : images;
  }
}

function pictures({ width, height, rgb, depth }: Sample): ImageReport[] {
  return [
    { caption: "colour", width, height, rgb },
    { caption: "depth", width, height, rgb: depthToRgb(depth, width, height) },
  ];
}

function heatMap(caption: string, { width, height, values }: FeatureMap): ImageReport {
  return { caption, width, height, rgb: featureToRgb(values, height, width) };
}

/** Indices of the first samples of a split, as many of each class. */
function differentClasses(dataset: Dataset, split: string, count: number): number[] {
  const perClass = Math.ceil(count / dataset.classes.length);
  const taken = new Map<number, number>();
  const indices: number[] = [];
  for (let index = 0; index < dataset.size(split) && indices.length < count; index++) {
    const target = dataset.sample(split, index).target!;
    const before = taken.get(target) ?? 0;
    if (before >= perClass) continue;
    taken.set(target, before + 1);
    indices.push(index);
  }
  return indices;
}
