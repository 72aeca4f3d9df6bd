import { existsSync } from "node:fs";
import { makeBatch } from "../data/batch.ts";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { readImageFile } from "../data/node/images.ts";
import { decodeColour, decodeCounts } from "../data/node/prepare/images.ts";
import { isJpeg } from "../data/node/prepare/jpeg.ts";
import { encodePng, type Image } from "../data/png.ts";
import { readPngHeader } from "../data/pngChunks.ts";
import type { Dataset, Sample } from "../data/sample.ts";
import { predictBatch, predictMaps } from "../model/evaluate.ts";
import { type Answering, type Method, methods, type Seen } from "../model/methods.ts";
import { IGNORED, type Task } from "../model/task.ts";
import type { HostBatch } from "../model/train.ts";
import { percent } from "../report/format.ts";
import { type DatasetFacts, inputScale } from "../run/dataset.ts";
import { useChoices } from "../tensor/choices.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import { checkFinished, chooseNetwork, loadDeployed, openRun } from "./deployed.ts";
import type { Io } from "./io.ts";
import { pixelShares } from "./labels.ts";

/** The flags of `predict`. */
export interface PredictOptions {
  run: string;
  rgb?: string;
  depth?: string;
  ir?: string;
  /** What one step of depth is, where it is no millimetre. */
  depthUnit?: string;
  network?: string;
  head: Answering;
  /** Where the label map goes, if pixels are classified. */
  save?: string;
  json?: boolean;
}

/** Says what an image shows, or what its pixels show: by a colour image, a depth map, an infrared one, or several. */
export async function predictImage(options: PredictOptions, io: Io): Promise<void> {
  const run = await openRun(options.run);
  const { dataset: facts, settings } = run.config;
  const { save, head } = options;
  const seen = given(options);
  const name = chooseNetwork(run, seen, options.network, "--rgb, --depth, --ir");
  await checkFinished(run);
  checkSave(save, settings.task);
  const sample = await readSample(options, facts);
  const device = await io.openDevice();
  useChoices(device, run.config.kernels);
  const method = await loadDeployed(run, name, device);
  const batch = makeBatch(datasetOf(sample), "image", [0], inputScale(facts, seen), null, method.task);
  const said =
    method.task === "segment"
      ? await pixels(device, method, batch, facts, head, save)
      : await image(device, method, batch, facts, head);
  method.network.dispose();
  if (options.json) {
    io.out(`${JSON.stringify({ run: run.folder, network: name, modality: seen, task: method.task, ...said.json })}\n`);
  } else {
    io.out(`${methods[name].title} (${name}):\n${said.lines.join("\n")}\n`);
  }
}

/** What was predicted, for programs and for people. */
interface Prediction {
  json: object;
  lines: string[];
}

async function image(
  device: GpuDevice,
  method: Method,
  batch: HostBatch,
  { classes }: DatasetFacts,
  head: Answering,
): Promise<Prediction> {
  const [prediction] = await predictBatch(device, method, batch);
  const { probabilities: fused, averaged } = prediction!;
  const list = (of: Float64Array) => ranked(of, classes).map(([name, probability]) => ({ class: name, probability }));
  const probabilities = answerOf({ fused, averaged }, head, method);
  return {
    json: { classes: list(probabilities), averaged: averaged && list(averaged) },
    lines: ranked(probabilities, classes).map(([name, probability]) => `${percent(probability).padStart(6)}  ${name}`),
  };
}

async function pixels(
  device: GpuDevice,
  method: Method,
  batch: HostBatch,
  { classes }: DatasetFacts,
  head: Answering,
  save: string | undefined,
): Promise<Prediction> {
  const { labels } = answerOf(await predictMaps(device, method, batch), head, method);
  const { width, height } = batch;
  if (save !== undefined) await writeFileAtomic(save, encodePng({ width, height, data: Uint8Array.from(labels) }));
  const shares = ranked(pixelShares(labels, classes.length), classes).filter(([, share]) => share > 0);
  return {
    json: { classes: shares.map(([name, share]) => ({ class: name, share })), labels: save ?? null },
    lines: shares.map(([name, share]) => `${percent(share).padStart(6)} of the pixels  ${name}`),
  };
}

/** @throws UsageError if a head is asked that the network has not. */
function answerOf<T>(answers: Record<Answering, T | null>, head: Answering, { name }: Method): T {
  const answer = answers[head];
  if (answer !== null) return answer;
  throw new UsageError(
    `--head: expected fused, as this ${name} has one head (export --both-heads keeps both), got ${head}`,
  );
}

function given({ rgb, depth, ir }: PredictOptions): Seen {
  const seen = Object.entries({ rgb, depth, ir }).flatMap(([name, file]) => (file === undefined ? [] : [name]));
  if (seen.length === 1) return seen[0] as Seen;
  if (seen.length === 3) return "all";
  if (seen.length === 2 && ir === undefined) return "both";
  const got = seen.length === 0 ? "none" : seen.join(" and ");
  throw new UsageError(`--rgb, --depth, --ir: expected an image for one of them, the first two or all, got ${got}`);
}

async function readSample(
  { rgb, depth, ir, depthUnit }: PredictOptions,
  { width, height, depthUnit: unit = "mm" }: DatasetFacts,
): Promise<Sample> {
  if (depth !== undefined && (depthUnit ?? "mm") !== unit) {
    const got = depthUnit ?? "no such flag";
    throw new UsageError(`--depth-unit: expected ${unit}, as the run was trained on, got ${got}`);
  }
  const checked = <T extends { width: number; height: number }>(image: T, file: string) => {
    if (image.width === width && image.height === height) return image;
    const expected = `an image of ${width}x${height} pixels as the run was trained on`;
    throw new FormatError(file, expected, `${image.width}x${image.height}`);
  };
  const colour = rgb === undefined ? null : checked(await decodeColour(await readImageFile(rgb), rgb), rgb).data;
  const distance = depth === undefined ? null : checked(await readDepth(depth, depthUnit), depth).data;
  const infrared = ir === undefined ? undefined : checked(await decodeCounts(await readImageFile(ir), ir), ir).data;
  const pixels = width * height;
  return {
    name: rgb ?? depth ?? ir!,
    width,
    height,
    // What is not given is not looked at: the network was chosen by what is.
    rgb: colour ?? new Uint8Array(3 * pixels),
    depth: distance ? Uint16Array.from(distance) : new Uint16Array(pixels),
    ...(infrared && { ir: Uint16Array.from(infrared) }),
    target: 0,
    label: new Uint8Array(pixels).fill(IGNORED),
  };
}

/**
 * A depth map. Eight bits hold no useful millimetres: whoever shows a network such a map must say that it is in the steps that
 * the network was trained on, as `prepare` wants it said.
 */
async function readDepth(file: string, unit: string | undefined): Promise<Image<Uint8Array | Uint16Array>> {
  const bytes = await readImageFile(file);
  const jpeg = isJpeg(bytes);
  if (unit === undefined && (jpeg || readPngHeader(bytes, file).bits <= 8)) {
    const expected = "a 16-bit grey PNG of millimetres (or --depth-unit, if the run was trained on depth of 8 bits)";
    throw new FormatError(file, expected, jpeg ? "a JPEG" : "a PNG of 8 bits");
  }
  return decodeCounts(bytes, file);
}

/** A dataset that is one image; its class is not known, and not looked at. */
function datasetOf(sample: Sample): Dataset {
  const { name, width, height } = sample;
  return { name, width, height, splits: ["image"], classes: [], labels: [], size: () => 1, sample: () => sample };
}

/** Classes with their values, largest first. */
function ranked(values: ArrayLike<number>, classes: readonly string[]): [string, number][] {
  return classes.map((name, i): [string, number] => [name, values[i]!]).sort((a, b) => b[1] - a[1]);
}

/** @throws UsageError if the label map cannot be saved there, or there will be none. */
function checkSave(save: string | undefined, task: Task): void {
  if (save === undefined) return;
  if (task !== "segment") throw new UsageError("--save: expected a run that classifies pixels, got one of images");
  if (existsSync(save)) throw new UsageError(`--save: expected a new file, got ${save}, which exists`);
}
