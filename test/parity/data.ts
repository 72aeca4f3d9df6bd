import type { Augmentation } from "../../src/data/augment.ts";
import { epochOrder, type InputScale, makeBatch } from "../../src/data/batch.ts";
import { openPacked } from "../../src/data/packed.ts";
import { decodeRgb8 } from "../../src/data/png.ts";
import { fitSample, type Size } from "../../src/data/resample.ts";
import type { Dataset, Sample } from "../../src/data/sample.ts";
import { renderScene, sceneDataset } from "../../src/data/scenes/index.ts";
import { statistics } from "../../src/data/statistics.ts";
import { type Image, readPixels } from "../../src/infer/index.ts";
import type { HostBatch } from "../../src/model/train.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { packedFiles, sha256 } from "../data/packedFixture.ts";

/** Every variation that there is. */
export const everyOption = {
  ...{ crop: 28, cropHeight: 20, scale: [0.8, 1.3], rotation: 15, flip: true },
  ...{ jitter: 0.4, gain: 0.1, hueSaturation: 0.2, valueShift: 12 },
} as const satisfies Required<Augmentation>;

const sampleHash = ({ rgb, depth, ir, label, target }: Sample) =>
  sha256(rgb, depth, ir ?? new Uint16Array(), label ?? new Uint8Array(), Uint8Array.of(target ?? 255));

const batchHash = ({ rgb, depth, ir, target }: HostBatch) => sha256(rgb, depth, ir ?? new Float32Array(), target);

/** SHA-256 of what each part of the data pipeline gives. */
export async function dataHashes(): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  const scenes = sceneDataset({ seed: 9, width: 40, height: 32, train: 16, val: 2, test: 2 });
  const rng = new Rng(9);
  for (let i = 0; i < 8; i++) hashes[`scene ${i}`] = await sampleHash(scenes.sample("train", i));
  hashes.order = await sha256(epochOrder(rng, 3, 1000));
  hashes["statistics of scenes"] = JSON.stringify(statistics(scenes, "train"));
  await addBatches(hashes, "scenes", scenes, { mean: 4, std: 2 }, everyOption);
  const files = await packedFiles();
  const packed = await openPacked(async (name) => files.get(name)!);
  const small = { ...everyOption, crop: 4, cropHeight: 2 };
  await addBatches(hashes, "a packed dataset", packed, { mean: 20, std: 10, ir: { mean: 90, std: 40 } }, small);
  return hashes;

  /** Batches of both tasks: of images as they are, and varied in every way in two epochs. */
  async function addBatches(
    hashes: Record<string, string>,
    name: string,
    dataset: Dataset,
    scale: InputScale,
    augmentation: Augmentation,
  ) {
    const indices = Array.from({ length: dataset.size("train") }, (_, i) => i);
    for (const task of ["classify", "segment"] as const) {
      const batch = (random: Parameters<typeof makeBatch>[4]) =>
        batchHash(makeBatch(dataset, "train", indices, scale, random, task));
      hashes[`${name}, ${task}`] = await batch(null);
      for (const epoch of [0, 1]) {
        hashes[`${name}, ${task}, varied, epoch ${epoch}`] = await batch({ augmentation, rng, epoch });
      }
    }
  }
}

/** One picture that is no network's size: what an image file in Node and a page's upload hold. */
export function picture(): Image<Uint8Array> {
  const { width, height, rgb } = renderScene(2, "picture", { width: 150, height: 110 });
  return { width, height, data: rgb };
}

/** The pixels of a PNG file as each runtime reads them, resized where a size is given: a page by its own decoder. */
export async function readPicture(png: Uint8Array, size?: Size): Promise<Image<Uint8Array>> {
  if (typeof createImageBitmap === "function") {
    return readPixels(new Blob([png as Uint8Array<ArrayBuffer>], { type: "image/png" }), size);
  }
  const image = decodeRgb8(png, "picture.png");
  if (!size) return image;
  const depth = new Uint16Array(image.width * image.height);
  const { width, height, rgb } = fitSample({ name: "picture", ...image, rgb: image.data, depth }, size);
  return { width, height, data: rgb };
}
