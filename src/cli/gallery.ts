import { makeBatch } from "../data/batch.ts";
import type { Dataset, Sample } from "../data/sample.ts";
import { predictBatch, predictMaps } from "../model/evaluate.ts";
import { type FeatureMap, featureMaps } from "../model/features.ts";
import { partFor } from "../model/method.ts";
import { type Method, type MethodName, methods, privilegedOf } from "../model/methods.ts";
import { argmax } from "../model/metrics.ts";
import { OneStageNetwork } from "../model/onestage.ts";
import type { Stage } from "../model/plan.ts";
import { SingleNetwork } from "../model/single.ts";
import type { Task } from "../model/task.ts";
import { type HostBatch, upload } from "../model/train.ts";
import {
  depthToRgb,
  featureToRgb,
  type ImageReport,
  infraredToRgb,
  labelsToRgb,
  type PredictionReport,
  type SampleReport,
} from "../report/index.ts";
import { type DatasetFacts, inputScale } from "../run/dataset.ts";
import { GALLERY_IMAGES } from "../run/presets.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { largestClasses } from "./labels.ts";

/** The name under which a report knows a network, and what it calls it. */
export interface ShownAs {
  id: string;
  title: string;
}

// Rows that a feature map must have to show anything.
const LEAST_ROWS = 4;

/** The images of the report: what each network says about them, and what it sees in them. */
export class Gallery {
  readonly #samples: Sample[];
  readonly #batch: HostBatch;
  /** Per image, what the networks said: a class, or a map of classes. */
  readonly #predictions: PredictionReport[][];
  readonly #maps: ImageReport[][];
  /** Per network and stream that sees or restores one modality, the maps of the images. */
  readonly #features = new Map<MethodName, FeatureMap[][]>();

  constructor(
    dataset: Dataset,
    private readonly facts: DatasetFacts,
    private readonly task: Task,
  ) {
    const indices = differentClasses(dataset, facts.evaluation, GALLERY_IMAGES);
    this.#samples = indices.map((index) => dataset.sample(facts.evaluation, index));
    this.#batch = makeBatch(dataset, facts.evaluation, indices, inputScale(facts), null, task);
    this.#predictions = indices.map(() => []);
    this.#maps = indices.map(() => []);
  }

  /**
   * Takes down what a trained method says and sees, the former under its own name unless another one is given; null for
   * a network that is only there to be compared with what another one restores.
   */
  async add(device: GpuDevice, method: Method, shown: ShownAs | null = ownName(method)): Promise<void> {
    if (shown)
      await (this.task === "segment" ? this.#addMaps(device, method, shown) : this.#addClasses(device, method, shown));
    const { network, seen } = method;
    if (seen === "both" || seen === "all") return;
    const encoders = network instanceof OneStageNetwork ? network.restoring.map(({ encoder }) => encoder) : [];
    if (network instanceof SingleNetwork) encoders.push(network.encoder);
    if (encoders.length === 0) return;
    const batch = upload(device, this.#batch);
    const maps: FeatureMap[][] = [];
    for (const encoder of encoders) maps.push(await featureMaps(device, encoder, batch[seen]!, LEAST_ROWS));
    this.#features.set(method.name, maps);
    for (const tensor of Object.values(batch)) tensor?.dispose();
  }

  async #addClasses(device: GpuDevice, method: Method, { id }: ShownAs): Promise<void> {
    const predictions = await predictBatch(device, method, this.#batch);
    for (const [i, { probabilities }] of predictions.entries()) {
      const best = argmax(probabilities);
      this.#predictions[i]!.push({
        network: id,
        predicted: this.facts.classes[best]!,
        probability: probabilities[best]!,
        correct: best === this.#samples[i]!.target,
      });
    }
  }

  async #addMaps(device: GpuDevice, method: Method, { title }: ShownAs): Promise<void> {
    const { labels } = (await predictMaps(device, method, this.#batch)).fused;
    const { width, height } = this.#batch;
    for (const [i, maps] of this.#maps.entries()) {
      const own = labels.subarray(i * width * height, (i + 1) * width * height);
      maps.push({ caption: title, width, height, rgb: labelsToRgb(own) });
    }
  }

  /** The samples for the report. */
  result(stages: readonly Stage[]): SampleReport[] {
    return this.#samples.map((sample, i) => ({
      name: sample.name,
      truth: this.#truth(sample),
      images: [
        ...pictures(this.facts.ir ? sample : { ...sample, ir: undefined }, this.task),
        ...this.#maps[i]!,
        ...stages.flatMap((stage) => this.#restored(stage, i)),
      ],
      predictions: this.#predictions[i]!,
    }));
  }

  #truth({ label, target }: Sample): string {
    const { classes } = this.facts;
    return this.task === "segment" ? largestClasses(label!, classes, 3).join(", ") : classes[target!]!;
  }

  /** What hallucination streams make of image i, beside what their privileged networks saw in the missing modalities. */
  #restored({ name, needs }: Stage, i: number): ImageReport[] {
    const streams = this.#features.get(name) ?? [];
    const missing = privilegedOf(name).slice(0, streams.length);
    return missing.flatMap((modality, k) => {
      const teacher = needs[partFor("privileged", modality, missing)];
      const taught = teacher && this.#features.get(teacher)?.[0]?.[i];
      const images = [heatMap(`${methods[name].title}: ${modality} features restored`, streams[k]![i]!)];
      if (taught) images.push(heatMap(`${methods[teacher].title}: features of the true ${modality}`, taught));
      return images;
    });
  }
}

function ownName({ name }: Method): ShownAs {
  return { id: name, title: methods[name].title };
}

function pictures({ width, height, rgb, depth, ir, label }: Sample, task: Task): ImageReport[] {
  const images = [
    { caption: "colour", width, height, rgb },
    { caption: "depth", width, height, rgb: depthToRgb(depth, width, height) },
    ...(ir ? [{ caption: "infrared", width, height, rgb: infraredToRgb(ir, width, height) }] : []),
  ];
  return task === "segment" ? [...images, { caption: "truth", width, height, rgb: labelsToRgb(label!) }] : images;
}

function heatMap(caption: string, { width, height, values }: FeatureMap): ImageReport {
  return { caption, width, height, rgb: featureToRgb(values, height, width) };
}

/** Indices of the first samples of a split, as many of each class where images have classes. */
function differentClasses(dataset: Dataset, split: string, count: number): number[] {
  const perClass = Math.ceil(count / Math.max(1, dataset.classes.length));
  const taken = new Map<number | undefined, number>();
  const indices: number[] = [];
  for (let index = 0; index < dataset.size(split) && indices.length < count; index++) {
    const { target } = dataset.sample(split, index);
    const before = taken.get(target) ?? 0;
    if (before >= perClass) continue;
    taken.set(target, before + 1);
    indices.push(index);
  }
  return indices;
}
