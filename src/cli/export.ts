import { existsSync } from "node:fs";
import path from "node:path";
import { toFloat32 } from "../data/floats.ts";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { readWholeFile } from "../data/node/files.ts";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../data/safetensors.ts";
import { fromTypedArray } from "../data/typedArrays.ts";
import { networkMetadata } from "../infer/pack.ts";
import { dropHallucinationHead } from "../model/deploy.ts";
import { type MethodName, methods } from "../model/methods.ts";
import { ShapeDevice } from "../nn/shapes.ts";
import { count } from "../report/format.ts";
import { networkConfig } from "../run/settings.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import { toHalf } from "../tensor/half.ts";
import { checkFinished, chooseNetwork, modelFile, openRun, type TrainedRun, unloaded } from "./deployed.ts";
import type { Io } from "./io.ts";

// More than the networks of a run can take.
const MAX_BYTES = 2 ** 34;

/** The flags of `export`. */
export interface ExportOptions {
  run: string;
  network?: string;
  out: string;
  bothHeads?: boolean;
  /** Whether weights are written as f16: half the size, and answers that differ in the fourth digit or so. */
  half?: boolean;
  json?: boolean;
}

/**
 * Writes one trained network by itself, with all that it takes to use it: without P, and without the parts that only its
 * training needed. Names and layout are PyTorch's, the counters that it keeps for batch norm included, so that it loads
 * strictly. No GPU is needed.
 * @throws UsageError if the file exists, or there is no such network.
 */
export async function exportNetwork(options: ExportOptions, io: Io): Promise<void> {
  const { out, bothHeads = false, half = false, json } = options;
  if (existsSync(out)) throw new UsageError(`--out: expected a new file, got ${out}, which exists`);
  const run = await openRun(options.run);
  if (run.exported) throw new UsageError(`--run: expected the folder of a run, got the file ${options.run}`);
  const name = chooseNetwork(run, options.network === undefined ? "rgb" : undefined, options.network, "--network");
  await checkFinished(run);
  const { network } = unloaded(run, name, new ShapeDevice());
  const leftOut = bothHeads
    ? new Map<string, number>()
    : dropHallucinationHead(network, networkConfig(run.config.settings, run.config.dataset));
  const tensors = await tensorsOf(run, name, [...network.state().keys()]);
  const bytes = serializeSafetensors(
    withCounters(half ? asHalves(tensors) : tensors),
    metadataOf(run, name, bothHeads),
  );
  await writeFileAtomic(out, bytes);
  const parameters = network.parameterCount();
  if (json) {
    const sizes = { tensors: tensors.size, parameters, bytes: bytes.length, leftOut: Object.fromEntries(leftOut) };
    io.out(
      `${JSON.stringify({ file: path.resolve(out), network: name, seen: methods[name].seen, bothHeads, ...sizes })}\n`,
    );
    return;
  }
  const lines = [
    `${methods[name].title} (${name}): ${count(parameters)} parameters, ${count(bytes.length)}B in ${out}`,
    ...[...leftOut].map(([part, size]) => `  left out: ${part}, ${count(size)} parameters that only training needed`),
  ];
  io.out(`${lines.join("\n")}\n`);
}

/** The same numbers, rounded to f16. */
function asHalves(tensors: ReadonlyMap<string, SafeTensor>): Map<string, SafeTensor> {
  const halves = [...tensors].map(([name, tensor]): [string, SafeTensor] => {
    const { data } = fromTypedArray(Uint16Array.from(toFloat32(tensor, name), toHalf), tensor.shape);
    return [name, { dtype: "F16", shape: tensor.shape, data }];
  });
  return new Map(halves);
}

/** Adds the counter that PyTorch keeps with each batch norm and its strict loading wants: 0, for it is not looked at. */
export function withCounters(tensors: ReadonlyMap<string, SafeTensor>): Map<string, SafeTensor> {
  const all = new Map(tensors);
  for (const name of tensors.keys()) {
    const [, norm] = /^(.*)running_var$/.exec(name) ?? [];
    if (norm !== undefined) all.set(`${norm}num_batches_tracked`, { dtype: "I64", shape: [], data: new Uint8Array(8) });
  }
  return all;
}

/** A network's tensors out of the run's file, without its name before them. */
async function tensorsOf(run: TrainedRun, network: MethodName, names: readonly string[]) {
  const file = modelFile(run);
  const { tensors } = parseSafetensors(await readWholeFile(file, MAX_BYTES), file);
  const own = new Map<string, SafeTensor>();
  for (const name of names) {
    const tensor = tensors.get(`${network}.${name}`);
    if (!tensor) throw new FormatError(file, `a tensor "${network}.${name}"`, `${tensors.size} tensors without it`);
    own.set(name, tensor);
  }
  return own;
}

/** What the file says about its network: nothing about the machine. */
function metadataOf({ config }: TrainedRun, network: MethodName, bothHeads: boolean): Record<string, string> {
  const { settings, dataset, kernels } = config;
  const data = settings.data === null ? null : dataset.name;
  return networkMetadata(network, { bothHeads, settings: { ...settings, data }, dataset, kernels });
}
