import { packStateDict } from "../../src/data/stateDict.ts";
import { networkMetadata } from "../../src/infer/pack.ts";
import type { Method } from "../../src/model/methods.ts";
import { noChoices } from "../../src/tensor/choices.ts";
import type { RunRecord } from "./checkpoint.ts";
import type { WeightsFile } from "./protocol.ts";

/** A network as a file like those of `onestage export`: `openNetwork` and `onestage predict` take it. */
export async function networkFile(
  { settings, dataset, choice }: RunRecord,
  { name, network }: Method,
): Promise<WeightsFile> {
  const metadata = networkMetadata(name, { bothHeads: true, settings, dataset, kernels: noChoices });
  const bytes = packStateDict(await network.stateDict(), metadata);
  return { name: `${choice.task}-${name}.safetensors`, bytes: bytes as Uint8Array<ArrayBuffer> };
}
