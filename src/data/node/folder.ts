import { realpath } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../tensor/errors.ts";
import { MemoryDataset } from "../memory.ts";
import { decodeGrey8, decodeGrey16, decodeRgb8 } from "../png.ts";
import { readPngHeader } from "../pngChunks.ts";
import type { Dataset, Sample } from "../sample.ts";
import { resolveInside } from "./files.ts";
import { readImageFile } from "./images.ts";
import { type FolderPlan, planFolder, type SampleFiles } from "./layouts.ts";
import { machineMemory } from "./machine.ts";
import { isPacked, openPackedFolder } from "./packedFolder.ts";

/** Options of {@link openFolder}. */
export interface FolderOptions {
  /** Called after each sample that was read, with the number read so far and the number there will be. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Most bytes the decoded images may take; half of the machine's memory unless given. */
  readonly maxBytes?: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
  /** The file that set the size, for messages. */
  readonly like: string;
}

/** Samples that are read at the same time: enough to hide the disk, few enough to open no flood of files. */
const CONCURRENCY = 16;

const IGNORE = 255;

/**
 * Opens a dataset folder and reads all its images into memory, each file once. Three layouts are known: split lists
 * beside rgb/, depth/ and label/; SPLIT/CLASS/NAME_rgb.png with NAME_depth.png; and what `onestage prepare` wrote, which
 * is read without decoding. Depth need not be millimetres.
 * @throws FormatError naming the file (and line or pixel) that is not as it should be.
 * @throws OnestageError when a file cannot be read.
 */
export async function openFolder(folder: string, options: FolderOptions = {}): Promise<Dataset> {
  const root = await realpath(folder).catch(() => {
    throw new FormatError(folder, "a dataset folder", "nothing there");
  });
  if (await isPacked(root)) return openPackedFolder(root, options);
  const plan = await planFolder(root);
  const unique = new Map<string, SampleFiles>();
  for (const sample of [...plan.splits.values()].flat()) unique.set(sample.rgb, sample);
  const size = await firstSize(root, [...unique.values()][0]);
  checkMemory(root, unique.size, size, options.maxBytes ?? machineMemory() / 2);
  const images = await readAll(root, [...unique.values()], size, plan.labels.length, options.onProgress);
  const { classes, labels } = plan;
  const { width, height } = size;
  return new MemoryDataset({ name: path.basename(root), width, height, classes, labels }, samplesOf(plan, images));
}

type SampleImages = Pick<Sample, "width" | "height" | "rgb" | "depth" | "label">;

/** The samples of each split, with their images; one image may be in several splits. */
function samplesOf(plan: FolderPlan, images: ReadonlyMap<string, SampleImages>): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const [split, files] of plan.splits) {
    const withImages = ({ name, rgb, target }: SampleFiles) => ({ ...(images.get(rgb) as SampleImages), name, target });
    samples.set(split, files.map(withImages));
  }
  return samples;
}

/** All samples have the size of the first colour image. */
async function firstSize(root: string, { rgb, origin }: SampleFiles): Promise<Size> {
  const file = await resolveInside(root, rgb, origin);
  const { width, height } = readPngHeader(await readImageFile(file), file);
  return { width, height, like: rgb };
}

function checkMemory(root: string, count: number, { width, height }: Size, maxBytes: number): void {
  const bytes = count * width * height * 6;
  if (bytes <= maxBytes) return;
  const mebibytes = (n: number) => `${Math.round(n / 2 ** 20)} MiB`;
  const got = `${count} samples of ${width}x${height} (${mebibytes(bytes)})`;
  throw new FormatError(root, `images that fit into ${mebibytes(maxBytes)} of memory`, got);
}

async function readAll(
  root: string,
  samples: readonly SampleFiles[],
  size: Size,
  labels: number,
  onProgress?: (done: number, total: number) => void,
): Promise<Map<string, SampleImages>> {
  const images = new Map<string, SampleImages>();
  let next = 0;
  const work = async () => {
    while (next < samples.length) {
      const sample = samples[next++];
      try {
        images.set(sample.rgb, await readSample(root, sample, size, labels));
      } catch (error) {
        // The other readers stop too: the first error is the one that is reported.
        next = samples.length;
        throw error;
      }
      onProgress?.(images.size, samples.length);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return images;
}

async function readSample(root: string, files: SampleFiles, size: Size, labels: number): Promise<SampleImages> {
  const { width, height } = size;
  const read = async <T>(relative: string, decode: (bytes: Uint8Array, file: string) => T) => {
    const file = await resolveInside(root, relative, files.origin);
    const bytes = await readImageFile(file);
    // Looked at before decoding, so that a wrong file costs nothing.
    const header = readPngHeader(bytes, file);
    if (header.width !== width || header.height !== height) {
      throw new FormatError(file, `${width}x${height} pixels like ${size.like}`, `${header.width}x${header.height}`);
    }
    return { file, image: decode(bytes, file) };
  };
  const rgb = (await read(files.rgb, decodeRgb8)).image.data;
  const depth = (await read(files.depth, decodeGrey16)).image.data;
  if (files.label === undefined) return { width, height, rgb, depth };
  const { file, image } = await read(files.label, decodeGrey8);
  checkLabels(image.data, width, labels, file);
  return { width, height, rgb, depth, label: image.data };
}

function checkLabels(label: Uint8Array, width: number, labels: number, file: string): void {
  const at = label.findIndex((value) => value >= labels && value !== IGNORE);
  if (at < 0) return;
  const pixel = `x ${at % width}, y ${Math.floor(at / width)}`;
  throw new FormatError(`${file} at ${pixel}`, `a label 0..${labels - 1} or ${IGNORE}`, String(label[at]));
}
