import { crossEntropy } from "../kernels/loss.ts";
import { argmax } from "../kernels/softmax.ts";
import { Compiled } from "../tensor/compile.ts";
import type { GpuDevice } from "../tensor/device.ts";
import type { Program } from "../tensor/program.ts";
import { noGrad } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { averagedScores } from "./architectures.ts";
import type { DeviceBatch, Method } from "./methods.ts";
import { softmaxRow } from "./metrics.ts";
import { type HostBatch, type InputName, inputsOf } from "./train.ts";

/** The label maps of a batch by one head. */
export interface MapPrediction {
  /** The most probable class of each pixel, [N,H,W]. */
  labels: Uint32Array;
  /** Mean negative log likelihood of the pixels whose class is known, in nats; 0 if there is none. */
  nll: number;
}

/** Class probabilities of one image. */
export interface ImagePrediction {
  probabilities: Float64Array;
  /** Mean of both heads' probabilities; null for networks with one head. */
  averaged: Float64Array | null;
}

/** Predicts with a trained method; the work on batches of one shape is recorded once. */
export class Predictor {
  readonly #compiled: Compiled<InputName, Tensor[]>;

  constructor(
    private readonly device: GpuDevice,
    method: Method,
  ) {
    const work = method.task === "segment" ? judgedMaps : scores;
    this.#compiled = new Compiled<InputName, Tensor[]>(device, (batch) => noGrad(() => work(method, batch)));
  }

  /** The recorded work for batches like this one, for measurements and listings. */
  program(host: HostBatch): Program<Tensor[]> {
    return this.#compiled.program(inputsOf(host));
  }

  /** Hands over the work on batches like this one, which is not run, as `Compiled.handOver`. */
  handOver<R>(host: HostBatch, use: (device: GpuDevice, work: () => unknown) => Promise<R>): Promise<R> {
    return this.#compiled.handOver(inputsOf(host), use);
  }

  /** Predicts the images of a batch: waits for the GPU. */
  async images(host: HostBatch): Promise<ImagePrediction[]> {
    const [fused, second] = await this.device.readMany(this.#compiled.run(inputsOf(host)));
    const classes = fused!.length / host.size;
    return Array.from({ length: host.size }, (_, row) => {
      const probabilities = softmaxRow(fused!, row, classes);
      const other = second ? softmaxRow(second, row, classes) : null;
      return { probabilities, averaged: other && probabilities.map((p, k) => (p + other[k]!) / 2) };
    });
  }

  /**
   * Predicts the class of every pixel of a batch, by the fused head and by the mean of both heads' probabilities (null for
   * networks with one head): waits for the GPU.
   */
  async maps(host: HostBatch): Promise<{ fused: MapPrediction; averaged: MapPrediction | null }> {
    const results = await this.device.readMany(this.#compiled.run(inputsOf(host)));
    const [labels, nll, otherLabels, otherNll] = results;
    return {
      fused: { labels: labels as Uint32Array, nll: nll![0]! },
      averaged: otherLabels ? { labels: otherLabels as Uint32Array, nll: otherNll![0]! } : null,
    };
  }

  /** Frees the recorded work; the method stays. */
  dispose(): void {
    this.#compiled.dispose();
  }
}

/** Class scores of images by each head. */
function scores(method: Method, batch: DeviceBatch): Tensor[] {
  const { logits, hallucinated } = method.predict(batch);
  return hallucinated ? [logits, hallucinated] : [logits];
}

/** Label maps and their negative log likelihood, by the fused head and, where there are two, by their mean. */
function judgedMaps(method: Method, batch: DeviceBatch): Tensor[] {
  const prediction = method.predict(batch);
  const averaged = averagedScores(prediction);
  const maps = averaged ? [prediction.logits, averaged] : [prediction.logits];
  return maps.flatMap((scores) => [argmax(scores), crossEntropy(scores, batch.target!)]);
}
