import type { InputScale } from "../data/batch.ts";
import { type ArchitectureName, architectures, type ShapeConfig } from "../model/architectures.ts";
import { encoders } from "../model/encoder.ts";
import { fusionNames } from "../model/fusion.ts";
import { type Modality, modalityNames } from "../model/method.ts";
import { type KernelChoices, readChoices } from "../tensor/choices.ts";
import { FormatError } from "../tensor/errors.ts";

/** The entry of a safetensors file's metadata that says what network it is. */
export const NETWORK_ENTRY = "onestage";

/** Name of its format. */
export const NETWORK_FORMAT = "onestage-network-2";

/** What an exported file says of its network, as far as it takes to use it. */
export interface NetworkFacts {
  readonly architecture: ArchitectureName;
  /** What it sees; colour where that is more than one modality. */
  readonly available: Modality;
  /** Whether the head that only training needed is there, too. */
  readonly bothHeads: boolean;
  readonly shape: ShapeConfig;
  /** Names of the classes of images, or of pixels. */
  readonly classes: readonly string[];
  /** Extents of the images that it was trained on. */
  readonly width: number;
  readonly height: number;
  readonly scale: InputScale;
  /** The kernel variants that it was trained with. */
  readonly kernels: KernelChoices;
}

/** How weights are kept in its file. */
export const NETWORK_DTYPES: readonly string[] = ["F32", "F16"];

// With fewer, nothing is left of an image after all poolings of the smallest encoder.
const LEAST_PIXELS = 4;
const MOST_PIXELS = 4096;
const MOST_CLASSES = 65535;

type Json = Record<string, unknown>;

/**
 * Reads what `onestage export` wrote about its network, out of a file's metadata.
 * @throws FormatError naming the entry that is not as it should be, or if nothing is said.
 */
export function readNetworkFacts(metadata: Readonly<Record<string, string>>, file: string): NetworkFacts {
  const said = metadata[NETWORK_ENTRY];
  if (said === undefined) throw new FormatError(file, "a network written by onestage export", "other tensors");
  const at = `${file}: ${NETWORK_ENTRY}`;
  const check = <T>(value: unknown, fits: boolean, name: string, expected: string): T => {
    if (!fits) throw new FormatError(`${at}: ${name}`, expected, (JSON.stringify(value) ?? "nothing").slice(0, 60));
    return value as T;
  };
  const object = (value: unknown, name: string) =>
    check<Json>(value, typeof value === "object" && value !== null && !Array.isArray(value), name, "an object");
  const oneOf = <const T extends string>(value: unknown, names: readonly T[], name: string) =>
    check<T>(value, names.includes(value as T), name, `one of ${names.join(", ")}`);
  const extent = (value: unknown, name: string) =>
    check<number>(value, isExtent(value), name, `a whole number from ${LEAST_PIXELS} to ${MOST_PIXELS}`);
  const moments = (value: unknown, name: string) => {
    const { mean, std } = object(value, name);
    check(mean, Number.isFinite(mean), `${name}.mean`, "a number");
    check(std, Number.isFinite(std) && (std as number) > 0, `${name}.std`, "a number above 0");
    return { mean, std } as { mean: number; std: number };
  };

  let json: unknown;
  try {
    json = JSON.parse(said);
  } catch (error) {
    throw new FormatError(at, "JSON", (error as SyntaxError).message.slice(0, 100));
  }
  const root = object(json, "facts");
  oneOf(root.format, [NETWORK_FORMAT], "format");
  const settings = object(root.settings, "settings");
  const dataset = object(root.dataset, "dataset");
  const names = dataset.classes;
  const areNames = Array.isArray(names) && names.length > 0 && names.length <= MOST_CLASSES;
  const classes = check<string[]>(
    names,
    areNames && names.every((name) => typeof name === "string"),
    "dataset.classes",
    "names",
  );
  // Files from before there was a choice say nothing.
  const setting = <const T extends string>(name: string, choices: readonly T[], before?: T) =>
    oneOf(settings[name] ?? before, choices, `settings.${name}`);
  return {
    architecture: oneOf(root.architecture, Object.keys(architectures) as ArchitectureName[], "architecture"),
    available: oneOf(root.available, modalityNames, "available"),
    bothHeads: check(root.bothHeads, typeof root.bothHeads === "boolean", "bothHeads", "true or false"),
    shape: {
      task: setting("task", ["classify", "segment"]),
      model: setting("model", Object.keys(encoders) as (keyof typeof encoders)[]),
      modalities: setting("modalities", ["rgb,depth", "rgb,depth,ir"]).split(",") as Modality[],
      classes: classes.length,
      fusion: setting("fusion", ["full", "deep", "mid"]),
      fusionBlock: setting("fusionBlock", fusionNames),
      precision: setting("precision", ["f32", "f16"]),
      normalise: setting("fusionNorm", ["batch", "none"], "batch") === "batch",
      contextBins: setting("contextBins", ["1,5", "1,2,4,8"], "1,5").split(",").map(Number),
    },
    classes,
    width: extent(dataset.width, "dataset.width"),
    height: extent(dataset.height, "dataset.height"),
    scale: {
      ...moments(dataset.depth, "dataset.depth"),
      ...(dataset.ir !== undefined && { ir: moments(dataset.ir, "dataset.ir") }),
    },
    kernels: readChoices(root.kernels, `${at}: kernels`),
  };
}

function isExtent(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= LEAST_PIXELS && (value as number) <= MOST_PIXELS;
}
