import { type Stored, shapeOnDisk } from "../nn/module.ts";
import { FormatError } from "../tensor/errors.ts";
import { type Shape, sameShape, showShape } from "../tensor/shape.ts";
import type { Encoder } from "./encoder.ts";
import { spread } from "./start.ts";

/** How the tensors of a file and those of an encoder go together; names and shapes are PyTorch's. */
export interface PretrainedReport {
  /** Names of the tensors that both have, with one shape. */
  readonly matched: readonly string[];
  /** Those of them that are summed over the colours, because the encoder sees one channel. */
  readonly summed: readonly string[];
  /** Tensors of the encoder that the file lacks. */
  readonly missing: readonly string[];
  /** Tensors that both have, but of another shape. */
  readonly different: readonly { readonly name: string; readonly expected: Shape; readonly got: Shape }[];
  /** Tensors of the file that the encoder has no place for. */
  readonly leftOver: readonly string[];
  /** Tensors of the file that an encoder needs none of: the classifier, and how many batches a batch norm has seen. */
  readonly ignored: readonly string[];
}

const IGNORED = /^fc\.(weight|bias)$|(^|\.)num_batches_tracked$/;

/** Says how named tensors go together with an encoder. Their shapes are enough: nothing is read or written. */
export function matchPretrained(
  encoder: Encoder,
  found: ReadonlyMap<string, { readonly shape: Shape }>,
): PretrainedReport {
  const matched: string[] = [];
  const summed: string[] = [];
  const missing: string[] = [];
  const different: { name: string; expected: Shape; got: Shape }[] = [];
  const state = encoder.state();
  for (const [name, tensor] of state) {
    const expected = shapeOnDisk(tensor.shape);
    const got = found.get(name)?.shape;
    if (!got) missing.push(name);
    else if (sameShape(got, expected)) matched.push(name);
    else if (isStem(name, expected, got)) {
      matched.push(name);
      summed.push(name);
    } else different.push({ name, expected, got });
  }
  const others = [...found.keys()].filter((name) => !state.has(name));
  const leftOver = others.filter((name) => !IGNORED.test(name));
  return { matched, summed, missing, different, leftOver, ignored: others.filter((name) => IGNORED.test(name)) };
}

/** Whether the file is the encoder's: every tensor in its place and none too many, which would be another encoder's. */
export function fits({ missing, different, leftOver }: PretrainedReport): boolean {
  return missing.length + different.length + leftOver.length === 0;
}

/** What keeps a file from fitting, in a few words. */
export function misfit({ missing, different, leftOver }: PretrainedReport): string {
  const [odd] = different;
  return [
    missing.length > 0 && `${missing.length} missing (${missing[0]})`,
    odd && `${different.length} of another shape (${odd.name} ${showShape(odd.got)} for ${showShape(odd.expected)})`,
    leftOver.length > 0 && `${leftOver.length} left over (${leftOver[0]})`,
  ]
    .filter(Boolean)
    .join(", ");
}

/**
 * Overwrites an encoder with pretrained tensors of torchvision's names and layout (conv1.weight [64,3,7,7],
 * layer1.0.bn1.running_mean, …). Where it sees one channel, as of depth, the stem's weights are summed over the colours:
 * it answers to a grey image as the original did. Source of that: ESANet (Seichter et al. 2021).
 * @throws FormatError when the file does not fit: nothing is overwritten then.
 */
export function loadPretrained(encoder: Encoder, tensors: ReadonlyMap<string, Stored>, file: string): PretrainedReport {
  const report = matchPretrained(encoder, tensors);
  if (!fits(report)) throw new FormatError(file, "the tensors of the encoder, by torchvision's names", misfit(report));
  const values = new Map(report.matched.map((name) => [name, tensors.get(name)!]));
  for (const name of report.summed) values.set(name, spread(tensors.get(name)!, 1));
  encoder.loadStateDict(values, { origin: file });
  return report;
}

/** Whether these are a stem's weights for one channel and for three, but alike otherwise. */
function isStem(name: string, [o, i, ...taps]: Shape, got: Shape): boolean {
  return name === "conv1.weight" && i === 1 && sameShape(got, [o!, 3, ...taps]);
}
