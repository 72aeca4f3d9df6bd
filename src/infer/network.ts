import { normaliseColour, writeDepth, writeInfrared } from "../data/normalise.ts";
import { fitSample } from "../data/resample.ts";
import { parseSafetensors } from "../data/safetensors.ts";
import type { Sample } from "../data/sample.ts";
import { storedTensors } from "../data/stateDict.ts";
import { argmax, softmax } from "../kernels/softmax.ts";
import { architectures, averagedScores, type Deployed, networkParts } from "../model/architectures.ts";
import { dropHallucinationHead } from "../model/deploy.ts";
import { type Answering, channels, type Modality, modalityNames } from "../model/method.ts";
import type { Task } from "../model/task.ts";
import { unloadedInit } from "../model/unloaded.ts";
import { useChoices } from "../tensor/choices.ts";
import { Compiled, type HostArray } from "../tensor/compile.ts";
import { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import { noGrad } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { NETWORK_DTYPES, type NetworkFacts, readNetworkFacts } from "./facts.ts";

/** An image of one modality: rows of pixels, of 3 channels where it is colour. */
export interface Image<Data extends ArrayLike<number>> {
  readonly width: number;
  readonly height: number;
  readonly data: Data;
}

/** Images of the same view, of what a network sees: what it does not see is not looked at. */
export interface Images {
  /** Red, green, blue, 0 to 255, gamma-encoded as in an image file. */
  readonly rgb?: Image<Uint8Array | Uint8ClampedArray>;
  /** Distances in millimetres, 0 where nothing was measured. */
  readonly depth?: Image<Uint16Array>;
  /** Infrared in the sensor's own counts. */
  readonly ir?: Image<Uint16Array>;
}

/** A map of features, [height,width,channels]. */
export interface FeatureMaps {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** What a network says of one view. */
export interface Answer {
  /** Of each class of the image; null where pixels are classified. */
  readonly probabilities: Float32Array | null;
  /** Class of each pixel, [height,width] of the network; null where images are classified. */
  readonly labels: Uint8Array | Uint16Array | null;
  /** The deepest map of the stream that stands for the missing modality, if it was asked for and there is one. */
  readonly restored: FeatureMaps | null;
}

/** What is asked of a network. */
export interface PredictOptions {
  /** Whether the restored map is read back, too. */
  restored?: boolean;
  /** Who answers: "fused" without it; "averaged" where the file was exported with both heads. */
  head?: Answering;
}

/** What a network gives for one view, on the device. */
type Outputs = Record<Answering | "restored", Tensor | null>;

/** A trained network by itself, as `onestage export` writes it: what it takes to use it, and nothing to train it. */
export class TrainedNetwork {
  readonly #deployed: Deployed;
  readonly #compiled: Compiled<Modality, Outputs>;

  /** Made by `openNetwork`. */
  constructor(
    private readonly device: GpuDevice,
    /** What its file says of it. */
    readonly facts: NetworkFacts,
    deployed: Deployed,
  ) {
    this.#deployed = deployed;
    const say = this.task === "segment" ? argmax : softmax;
    this.#compiled = new Compiled<Modality, Outputs>(device, (batch) =>
      noGrad(() => {
        const prediction = deployed.predict(batch);
        const averaged = averagedScores(prediction);
        return { fused: say(prediction.logits), averaged: averaged && say(averaged), restored: prediction.restored };
      }),
    );
  }

  /** Whether it says a class of images or of pixels. */
  get task(): Task {
    return this.facts.shape.task!;
  }

  /** The modalities that it must be shown. */
  get sees(): readonly Modality[] {
    const { architecture, available, shape } = this.facts;
    return architecture === "multimodal" || architecture === "mean-of-both" ? shape.modalities! : [available];
  }

  /** Names of the classes. */
  get classes(): readonly string[] {
    return this.facts.classes;
  }

  /** Number of its weights. */
  get parameters(): number {
    return this.#deployed.network.parameterCount();
  }

  /**
   * Says what a view shows: the class of the image, or of each of its pixels. Images of other extents than the network's
   * are cut to its proportions around their middle and resized. Waits for the GPU.
   * @throws UsageError if an image that the network sees is missing, or has another number of values than its extents say,
   * or if the file has one head and both are asked.
   */
  async predict(images: Images, { restored, head = "fused" }: PredictOptions = {}): Promise<Answer> {
    const outputs = this.#compiled.run(this.#input(images));
    const answer = outputs[head];
    if (!answer) throw new UsageError(`predict: head: expected fused, got ${head}`);
    const map = restored ? outputs.restored : null;
    const [said, data] = await this.device.readMany(map ? [answer, map] : [answer]);
    const [, height, width, count] = map?.shape ?? [];
    const pixels = this.task === "segment" ? (said as Uint32Array) : null;
    return {
      probabilities: pixels ? null : (said as Float32Array),
      labels: pixels && (this.classes.length > 256 ? Uint16Array : Uint8Array).from(pixels),
      restored: map && { height: height!, width: width!, channels: count!, data: data as Float32Array },
    };
  }

  /** Frees the weights and the recorded work. */
  dispose(): void {
    this.#compiled.dispose();
    this.#deployed.network.dispose();
  }

  #input(images: Images) {
    const { width, height, scale } = this.facts;
    const shown = modalityNames.filter((modality) => this.sees.includes(modality));
    const sample = fitSample(sampleOf(images, shown), { width, height });
    const view = { x: 0, y: 0, width, height, mirrored: false };
    const input = {} as Record<Modality, HostArray>;
    for (const modality of shown) {
      const data = new Float32Array(width * height * channels[modality]);
      if (modality === "rgb") normaliseColour(sample, view, data, 0);
      else if (modality === "depth") writeDepth(sample, view, scale, data, 0);
      else writeInfrared(sample, view, scale.ir!, data, 0);
      input[modality] = { data, shape: [1, height, width, channels[modality]] };
    }
    return input;
  }
}

/**
 * Opens a network out of the bytes of a file that `onestage export` wrote; `file` names it in messages. The kernels that
 * it was trained with come into force on the device, but for `onestage/infer`, which has fewer and prefers its own.
 * @throws FormatError naming what is damaged, UsageError where the adapter cannot compute in the network's precision, or the
 * device is of another entry of the package.
 */
export function openNetwork(device: GpuDevice, bytes: Uint8Array, file = "network"): TrainedNetwork {
  // Tensors are known by their class, of which each entry of the package has its own.
  if (!(device instanceof GpuDevice)) {
    throw new UsageError("openNetwork: expected a GpuDevice of the same entry of the package, got another's");
  }
  const { metadata, tensors } = parseSafetensors(bytes, file);
  const facts = readNetworkFacts(metadata, file);
  const { architecture, available, shape, bothHeads, kernels } = facts;
  if (shape.precision === "f16" && !device.gpu.features.has("shader-f16")) {
    throw new UsageError(`${file}: expected an adapter with shader-f16, got one without`);
  }
  const deployed: Deployed = architectures[architecture](networkParts(unloadedInit(device), shape, available));
  if (!bothHeads) dropHallucinationHead(deployed.network, shape);
  try {
    deployed.network.loadStateDict(storedTensors(tensors, file, NETWORK_DTYPES), { origin: file });
  } catch (error) {
    deployed.network.dispose();
    throw error;
  }
  useChoices(device, kernels);
  return new TrainedNetwork(device, facts, deployed);
}

/** The images as one sample, in which what is not shown is empty. @throws UsageError if one is missing or does not fit. */
function sampleOf(images: Images, shown: readonly Modality[]): Sample {
  const { width, height } = images[shown[0]!] ?? { width: 0, height: 0 };
  const size = `${width}x${height}`;
  const data: Pick<Sample, Modality> = { rgb: new Uint8Array(), depth: new Uint16Array() };
  for (const modality of shown) {
    const image = images[modality];
    if (!image) throw new UsageError(`predict: expected an image for ${shown.join(" and ")}, got none for ${modality}`);
    if (![width, height].every((extent) => Number.isInteger(extent) && extent > 0)) {
      throw new UsageError(`predict: ${modality}: expected extents in whole pixels, got ${size}`);
    }
    if (image.width !== width || image.height !== height) {
      throw new UsageError(`predict: ${modality}: expected ${size} as the others, got ${image.width}x${image.height}`);
    }
    const values = width * height * channels[modality];
    if (image.data.length !== values) {
      throw new UsageError(`predict: ${modality}: expected ${values} values for ${size}, got ${image.data.length}`);
    }
    Object.assign(data, { [modality]: image.data });
  }
  return { name: "image", width, height, ...data };
}
