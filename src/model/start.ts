import type { Module, Stored } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import { sameShape } from "../tensor/shape.ts";
import type { Encoder } from "./encoder.ts";
import type { Head } from "./head.ts";
import { SingleNetwork } from "./single.ts";

const ORIGIN = "the network to start from";

/**
 * Gives a network the weights of another one of the same form, but for the number of input channels: a convolution that sees
 * more or fewer channels gets the other's spread over them, so that an image with equal channels looks the same.
 * @throws FormatError if the forms differ otherwise.
 */
export async function startFrom(module: Module, other: Module): Promise<void> {
  const own = module.state();
  const stored = new Map<string, Stored>();
  for (const [name, tensor] of await other.stateDict()) {
    const shape = own.get(name)?.shape;
    const inputs = shape?.length === 4 ? shape[2]! : null;
    stored.set(name, inputs !== null && inputs !== tensor.shape[1] ? spread(tensor, inputs) : tensor);
  }
  module.loadStateDict(stored, { origin: ORIGIN });
}

/**
 * Gives a stream the weights of a privileged network. A stem that sees other channels stays as it is, with the batch norm
 * behind it: what P's filters have learnt of its own modality says nothing of the other.
 * @throws UsageError if it is not a network of one modality, FormatError if the forms differ otherwise.
 */
export async function startStream(
  { encoder, head }: { readonly encoder: Encoder; readonly head: Head | null },
  privileged: Module,
): Promise<void> {
  if (!(privileged instanceof SingleNetwork)) {
    throw new UsageError("--hall-init: expected a network of one modality to start from, got one of several");
  }
  const stored = await privileged.encoder.stateDict();
  if (!sameShape(encoder.conv1.weight.shape, privileged.encoder.conv1.weight.shape)) {
    for (const [name, own] of await encoder.stateDict()) {
      if (/^(conv1|bn1)\./.test(name)) stored.set(name, own);
    }
  }
  encoder.loadStateDict(stored, { origin: ORIGIN });
  await startFrom(head!, privileged.head);
}

/** Convolution weights [K,C,kh,kw] for another number of input channels: all get the same share of their sum over channels. */
export function spread({ shape: [k, c, kh, kw], data }: Stored, inputs: number): Stored {
  const taps = kh! * kw!;
  const out = new Float32Array(k! * inputs * taps);
  for (let filter = 0; filter < k!; filter++) {
    for (let tap = 0; tap < taps; tap++) {
      let sum = 0;
      for (let channel = 0; channel < c!; channel++) sum += data[(filter * c! + channel) * taps + tap]!;
      for (let channel = 0; channel < inputs; channel++) out[(filter * inputs + channel) * taps + tap] = sum / inputs;
    }
  }
  return { shape: [k!, inputs, kh!, kw!], data: out };
}
