import { makeBatch } from "../data/batch.ts";
import { readDepth, readRgb } from "../data/node/images.ts";
import type { Dataset, Sample } from "../data/sample.ts";
import { predictBatch } from "../model/evaluate.ts";
import { methods, type Seen } from "../model/methods.ts";
import { percent } from "../report/format.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import type { DatasetFacts } from "./config.ts";
import { checkFinished, chooseNetwork, loadDeployed, openRun } from "./deployed.ts";
import type { Io } from "./io.ts";

/** The flags of `predict`. */
export interface PredictOptions {
  run: string;
  rgb?: string;
  depth?: string;
  network?: string;
  json?: boolean;
}

/** Says what one image shows: with a colour image, a depth map, or both. */
export async function predictImage(options: PredictOptions, io: Io): Promise<void> {
  const run = await openRun(options.run);
  const { dataset: facts } = run.config;
  const seen = given(options);
  const name = chooseNetwork(run, seen, options.network);
  await checkFinished(run);
  const sample = await readSample(options, facts);
  const device = await io.openDevice();
  const method = await loadDeployed(run, name, device);
  const batch = makeBatch(datasetOf(sample), "image", [0], facts.depth, null);
  const [prediction] = await predictBatch(device, method, batch);
  method.network.dispose();
  const { probabilities, averaged } = prediction!;
  if (options.json) {
    const classes = ranked(probabilities, facts.classes);
    const both = averaged && ranked(averaged, facts.classes);
    io.out(`${JSON.stringify({ run: run.folder, network: name, modality: seen, classes, averaged: both })}\n`);
    return;
  }
  const lines = ranked(probabilities, facts.classes).map(
    (entry) => `${percent(entry.probability).padStart(6)}  ${entry.class}`,
  );
  io.out(`${methods[name].title} (${name}):\n${lines.join("\n")}\n`);
}

function given({ rgb, depth }: PredictOptions): Seen {
  if (rgb !== undefined) return depth === undefined ? "rgb" : "both";
  if (depth !== undefined) return "depth";
  throw new UsageError("--rgb, --depth: expected an image for at least one of them, got none");
}

async function readSample({ rgb, depth }: PredictOptions, { width, height }: DatasetFacts): Promise<Sample> {
  const checked = <Image extends { width: number; height: number }>(image: Image, file: string) => {
    if (image.width === width && image.height === height) return image;
    const expected = `an image of ${width}x${height} pixels as the run was trained on`;
    throw new FormatError(file, expected, `${image.width}x${image.height}`);
  };
  const colour = rgb === undefined ? null : checked(await readRgb(rgb), rgb).data;
  const distance = depth === undefined ? null : checked(await readDepth(depth), depth).data;
  const pixels = width * height;
  return {
    name: rgb ?? depth!,
    width,
    height,
    // What is not given is not looked at: the network was chosen by what is.
    rgb: colour ?? new Uint8Array(3 * pixels),
    depth: distance ?? new Uint16Array(pixels),
    target: 0,
  };
}

/** A dataset that is one image; its class is not known, and not looked at. */
function datasetOf(sample: Sample): Dataset {
  const { name, width, height } = sample;
  return { name, width, height, splits: ["image"], classes: [], labels: [], size: () => 1, sample: () => sample };
}

function ranked(probabilities: Float64Array, classes: readonly string[]) {
  return classes
    .map((name, i) => ({ class: name, probability: probabilities[i]! }))
    .sort((a, b) => b.probability - a.probability);
}
