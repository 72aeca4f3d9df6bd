import type { Sample } from "../../src/data/sample.ts";
import { renderScene, SCENE_CLASSES } from "../../src/data/scenes/index.ts";
import { openNetwork, readPixels, type TrainedNetwork } from "../../src/infer/index.ts";
import { argmax } from "../../src/model/metrics.ts";
import type { Task } from "../../src/model/task.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import type {
  DemoAnswer,
  DemoQuestion,
  DemoResult,
  DemoTruth,
  NetworkName,
  Raster,
  SceneQuestion,
  Score,
  ScoreQuestion,
} from "../demo/types.ts";
import type { DeviceKeeper } from "./device.ts";
import { fetchModel } from "./models.ts";
import { depthRaster, labelRaster, raster, restoredRasters } from "./raster.ts";

const NETWORKS: readonly NetworkName[] = ["one-stage-rgb", "rgb-only"];
// The scenes of the test split of the run that the networks come from: they were not trained on.
const SEED = 1;
const SPLIT = "test";
// Side of pictures on the page, in pixels.
const SHOWN = 256;
// Scenes that are kept.
const MOST_KEPT = 64;

type Networks = Map<NetworkName, TrainedNetwork>;

/** Asks the networks that come with the page. */
export class Demo {
  readonly #files = new Map<string, Promise<Uint8Array>>();
  readonly #scenes = new Map<string, Sample>();
  /** Networks by task, on the device that they lie on. */
  #open: { device: GpuDevice; networks: Map<Task, Promise<Networks>> } | null = null;

  constructor(private readonly keeper: DeviceKeeper) {}

  /** One of the scenes, as a picture. */
  scene({ index, size }: SceneQuestion): Raster {
    const { width, height, rgb } = this.#scene(index, size);
    return raster({ width, height, data: rgb });
  }

  /** Shows a picture to both networks of a task. @throws FormatError if there is no picture in a file */
  async ask(question: DemoQuestion): Promise<DemoResult> {
    const { task, scene, file, frame } = question;
    const pixels = frame ?? file;
    const shown = pixels ? await readPixels(pixels, { width: SHOWN, height: SHOWN }) : null;
    frame?.close();
    return this.keeper.keeping(async (device) => {
      const networks = await this.#networks(device, task);
      const { facts, classes } = networks.get("one-stage-rgb")!;
      const size = facts.width;
      const sample = shown ? null : this.#scene(scene!, size);
      const input = shown ?? { width: size, height: size, data: sample!.rgb };
      const picture = shown ? raster(shown) : this.scene({ index: scene!, size: SHOWN });
      const answers: DemoAnswer[] = [];
      let restored: DemoResult["restored"] = null;
      for (const [name, network] of networks) {
        const began = performance.now();
        const said = await network.predict({ rgb: input }, { restored: name === "one-stage-rgb" });
        const milliseconds = performance.now() - began;
        if (said.restored) restored = restoredRasters(said.restored);
        const labels =
          said.labels && labelRaster(picture, { width: size, height: size, data: said.labels }, classes.length);
        const probabilities = said.probabilities && [...said.probabilities];
        answers.push({ network: name, probabilities, labels, milliseconds, right: sample && rightness(said, sample) });
      }
      return {
        ...{ picture, classes, size, answers, restored },
        truth: sample && truthOf(picture, sample, task, classes.length),
      };
    });
  }

  /** Shows some scenes to both networks of a task. */
  async score({ task, first, count }: ScoreQuestion): Promise<Score> {
    return this.keeper.keeping(async (device) => {
      const score: Score = { "one-stage-rgb": 0, "rgb-only": 0 };
      for (const [name, network] of await this.#networks(device, task)) {
        const { width, height } = network.facts;
        for (let index = first; index < first + count; index++) {
          const sample = this.#scene(index, width);
          score[name] += rightness(await network.predict({ rgb: { width, height, data: sample.rgb } }), sample);
        }
      }
      return score;
    });
  }

  #scene(index: number, size: number): Sample {
    const key = `${index}/${size}`;
    let sample = this.#scenes.get(key);
    if (!sample) {
      if (this.#scenes.size >= MOST_KEPT) this.#scenes.clear();
      const target = index % SCENE_CLASSES.length;
      sample = renderScene(SEED, `${SPLIT}/${index}`, { width: size, height: size, target });
      this.#scenes.set(key, sample);
    }
    return sample;
  }

  #networks(device: GpuDevice, task: Task): Promise<Networks> {
    if (this.#open?.device !== device) this.#open = { device, networks: new Map() };
    const { networks } = this.#open;
    let found = networks.get(task);
    if (!found) {
      found = this.#opened(device, task);
      networks.set(task, found);
      // Asked again, they are opened again.
      found.catch(() => networks.delete(task));
    }
    return found;
  }

  async #opened(device: GpuDevice, task: Task): Promise<Networks> {
    const networks: Networks = new Map();
    try {
      for (const name of NETWORKS) {
        const file = `${task}-${name}.safetensors`;
        const network = openNetwork(device, await this.#file(file), file);
        networks.set(name, network);
        // The first time kernels are compiled, which says nothing of how long a picture takes.
        const { width, height } = network.facts;
        await network.predict({ rgb: { width, height, data: new Uint8Array(3 * width * height) } });
      }
    } catch (error) {
      for (const network of networks.values()) network.dispose();
      throw error;
    }
    return networks;
  }

  #file(name: string): Promise<Uint8Array> {
    let bytes = this.#files.get(name);
    if (!bytes) {
      bytes = fetchModel(name);
      this.#files.set(name, bytes);
      // Asked again, it is fetched again.
      bytes.catch(() => this.#files.delete(name));
    }
    return bytes;
  }
}

/** Share of the pixels, or of the one image, that is right. */
function rightness({ probabilities, labels }: Awaited<ReturnType<TrainedNetwork["predict"]>>, sample: Sample): number {
  if (probabilities) return argmax(probabilities) === sample.target ? 1 : 0;
  const truth = sample.label!;
  const counted = truth.filter((label) => label !== 255).length;
  return truth.reduce((sum, label, i) => sum + (label !== 255 && labels![i] === label ? 1 : 0), 0) / counted;
}

function truthOf(
  picture: Raster,
  { width, height, depth, label, target }: Sample,
  task: Task,
  classes: number,
): DemoTruth {
  const { raster: coloured, range } = depthRaster({ width, height, data: depth });
  const labels = task === "segment" ? labelRaster(picture, { width, height, data: label! }, classes) : null;
  return { target: target!, depth: coloured, range, labels };
}
