import { packStateDict } from "../data/stateDict.ts";
import { twoModalities } from "../model/method.ts";
import { type Method, type MethodName, methods, type NetworkConfig } from "../model/methods.ts";
import { type KernelChoices, kernelChoices } from "../tensor/choices.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { VERSION } from "../tensor/version.ts";
import { NETWORK_ENTRY, NETWORK_FORMAT, type NetworkFacts, readNetworkFacts } from "./facts.ts";

/** What a network was trained on: names of its classes, extents of the images, and how depth was scaled for it. */
export type TrainedOn = Pick<NetworkFacts, "classes" | "width" | "height" | "scale">;

/** What a file says of its network besides the method's own facts. */
export interface PackedFacts {
  bothHeads: boolean;
  /** What it was built from, and is told to readers that ask for more. */
  settings: object;
  dataset: object;
  kernels: KernelChoices;
}

/** The metadata of a network's file, which `readNetworkFacts` reads: of the method by name, and what else is known. */
export function networkMetadata(network: MethodName, facts: PackedFacts): Record<string, string> {
  const { architecture, available } = methods[network];
  const said = { format: NETWORK_FORMAT, version: VERSION, network, architecture, available, ...facts };
  return { format: "pt", [NETWORK_ENTRY]: JSON.stringify(said) };
}

/**
 * A network that was trained here, as the bytes of a file for `openNetwork`: with what it was built from and trained on, and
 * the kernels in force. Waits for the GPU.
 * @throws FormatError naming what no file can say.
 */
export async function packNetwork(method: Method, config: NetworkConfig, data: TrainedOn): Promise<Uint8Array> {
  const { name, network } = method;
  const [tensor] = network.state().values();
  const {
    task = "classify",
    model,
    modalities = twoModalities,
    fusion,
    fusionBlock = "ctn",
    precision = "f32",
    normalise,
    contextBins = [1, 5],
  } = config;
  const fusionNorm = normalise ? "batch" : "none";
  const { classes, width, height, scale } = data;
  const { ir, ...depth } = scale;
  const metadata = networkMetadata(name, {
    bothHeads: true,
    settings: {
      ...{ task, model, modalities: modalities.join(","), fusion, fusionBlock, fusionNorm, precision },
      contextBins: contextBins.join(","),
    },
    dataset: { classes, width, height, depth, ...(ir && { ir }) },
    kernels: kernelChoices(tensor!.device as GpuDevice),
  });
  readNetworkFacts(metadata, "packNetwork");
  return packStateDict(await network.stateDict(), metadata);
}
