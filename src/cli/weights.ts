import path from "node:path";
import { toFloat32 } from "../data/floats.ts";
import { readWholeFile } from "../data/node/files.ts";
import { parseSafetensors, type SafeTensor } from "../data/safetensors.ts";
import { Encoder, encoderConfig, encoders, type ModelName } from "../model/encoder.ts";
import type { Modality } from "../model/methods.ts";
import { fits, matchPretrained, misfit, type PretrainedReport } from "../model/pretrained.ts";
import type { Stored } from "../nn/module.ts";
import { ShapeInit } from "../nn/shapes.ts";
import { count } from "../report/format.ts";
import { FormatError } from "../tensor/errors.ts";
import { showShape, sizeOf } from "../tensor/shape.ts";
import type { Io } from "./io.ts";

// More than any network of this program has.
const MAX_BYTES = 2 ** 33;

/** The flags of `weights`. */
export interface WeightsOptions {
  /** The encoder that the weights are for; the one that they fit best without it. */
  model?: ModelName;
  /** What that encoder sees. */
  modality: Modality;
  /** What the names of the encoder's tensors begin with in the file. */
  prefix?: string;
  json?: boolean;
}

/**
 * Reads the tensors of a safetensors file whose names begin with `prefix`, as f32 and without it.
 * @throws FormatError | OnestageError if the file cannot be read, or is not what it should be.
 */
export async function readWeights(file: string, prefix = ""): Promise<Map<string, Stored>> {
  const stored = new Map<string, Stored>();
  for (const [name, tensor] of await readTensors(file, prefix)) {
    stored.set(name, { shape: tensor.shape, data: toFloat32(tensor, `${file}: ${prefix}${name}`) });
  }
  return stored;
}

/**
 * Says which tensors of a file an encoder could start from.
 * @throws FormatError if the file is not the encoder's, after it was said why.
 */
export async function checkWeights(file: string, options: WeightsOptions, io: Io): Promise<void> {
  const { modality, prefix = "", json } = options;
  const found = await readTensors(file, prefix);
  const { model, report } = bestFit(found, options);
  const elements = [...found.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const dtypes = [...new Set([...found.values()].map(({ dtype }) => dtype))];
  if (json) {
    io.out(
      `${JSON.stringify({ file, model, modality, fits: fits(report), tensors: found.size, dtypes, ...report })}\n`,
    );
  } else {
    const facts = `${found.size} tensors, ${count(elements)} numbers, ${dtypes.join(" and ")}`;
    io.out(`${path.basename(file)}: ${facts}\n${table(report, model, modality)}\n`);
  }
  if (!fits(report)) throw new FormatError(file, `weights of a ${model} encoder`, misfit(report));
}

async function readTensors(file: string, prefix: string): Promise<Map<string, SafeTensor>> {
  const { tensors } = parseSafetensors(await readWholeFile(file, MAX_BYTES), file);
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  if (own.length > 0) return new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  throw new FormatError(file, prefix ? `tensors whose names begin with ${prefix}` : "tensors", "none");
}

/** The report on the model that was asked for, or on the one that the file has most in common with. */
function bestFit(found: ReadonlyMap<string, SafeTensor>, { model: asked, modality }: WeightsOptions) {
  const models = asked === undefined ? (Object.keys(encoders) as ModelName[]) : [asked];
  const reports = models.map((model) => {
    const encoder = new Encoder(new ShapeInit(), modality === "rgb" ? 3 : 1, encoderConfig(model));
    return { model, report: matchPretrained(encoder, found) };
  });
  const odds = ({ report: { matched, missing, different, leftOver } }: (typeof reports)[number]) =>
    missing.length + different.length + leftOver.length - matched.length;
  return reports.sort((a, b) => odds(a) - odds(b))[0]!;
}

function table(report: PretrainedReport, model: ModelName, modality: Modality): string {
  const { matched, missing, different, leftOver, ignored, summed } = report;
  const whole = matched.length + missing.length + different.length;
  const rows: [string, string, ...string[]][] = [
    ["encoder", `${model} on ${modality}`],
    ["matched", `${matched.length} of ${whole} tensors`, ...summed.map((name) => `${name}: summed over the colours`)],
    ["missing", `${missing.length}`, ...missing],
    ["other shape", `${different.length}`, ...different.map(differing)],
    ["left over", `${leftOver.length}`, ...leftOver],
    ["not needed", `${ignored.length}${ignored.length > 0 ? " (classifier, counters of batch norm)" : ""}`],
  ];
  const lines = rows.flatMap(([name, value, ...details]) => [
    `${name.padEnd(12)}${value}`,
    ...details.map((detail) => `  ${detail}`),
  ]);
  return [...lines, fits(report) ? "It fits." : "It does not fit."].join("\n");
}

function differing({ name, expected, got }: PretrainedReport["different"][number]): string {
  return `${name}: ${showShape(got)}, expected ${showShape(expected)}`;
}
