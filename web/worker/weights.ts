import { packStateDict } from "../../src/data/stateDict.ts";
import { NETWORK_ENTRY, NETWORK_FORMAT } from "../../src/infer/facts.ts";
import { type Method, methods } from "../../src/model/methods.ts";
import { noChoices } from "../../src/tensor/choices.ts";
import { VERSION } from "../../src/tensor/version.ts";
import type { RunRecord } from "./checkpoint.ts";
import type { WeightsFile } from "./protocol.ts";

/** A network as a file like those of `onestage export`: `openNetwork` and `onestage predict` take it. */
export async function networkFile(
  { settings, dataset, choice }: RunRecord,
  { name, network }: Method,
): Promise<WeightsFile> {
  const { architecture, available } = methods[name];
  const facts = {
    ...{ format: NETWORK_FORMAT, version: VERSION, network: name, architecture, available, bothHeads: true },
    ...{ settings, dataset, kernels: noChoices },
  };
  const metadata = { format: "pt", [NETWORK_ENTRY]: JSON.stringify(facts) };
  const bytes = packStateDict(await network.stateDict(), metadata);
  return { name: `${choice.task}-${name}.safetensors`, bytes: bytes as Uint8Array<ArrayBuffer> };
}
