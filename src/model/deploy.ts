import type { Module } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import type { Method, NetworkConfig } from "./method.ts";
import { buildMethod, type MethodName } from "./methods.ts";
import { OneStageNetwork } from "./onestage.ts";
import { noDraws } from "./unloaded.ts";

/** A method for inference whose weights are to be loaded: they are 0 until then, and nothing that only trains is there. */
export function unloadedMethod(name: MethodName, device: Device, config: NetworkConfig): Method {
  const weights = { ...config.weights, restore: 0 };
  return buildMethod(name, device, noDraws, { ...config, weights, privileged: "frozen", classWeights: null });
}

/**
 * Frees the parts of a network that the prediction of its fused head does not need: the hallucination streams' own heads,
 * and those streams' stages behind the last fusion. Networks without such a head stay as they are.
 * Gives the number of parameters that are gone, by part.
 */
export function dropHallucinationHead(
  network: Module,
  { fusion }: Pick<NetworkConfig, "fusion">,
): ReadonlyMap<string, number> {
  const leftOut = new Map<string, number>();
  // Where nothing is fused but the scores, both heads are asked.
  if (!(network instanceof OneStageNetwork && network.headH && network.ctn.length > 0)) return leftOut;
  const remove = (owner: Module, path: string, field: string, parts: readonly Module[], nothing: unknown) => {
    leftOut.set(
      path,
      parts.reduce((sum, part) => sum + part.parameterCount(), 0),
    );
    for (const part of parts) part.dispose();
    Object.assign(owner, { [field]: nothing });
  };
  remove(network, "head_h", "headH", [network.headH], null);
  for (const [i, stream] of network.more.entries()) remove(stream, `more.${i}.head`, "head", [stream.head!], null);
  if (fusion === "mid") {
    for (const [k, { encoder }] of network.restoring.entries()) {
      const path = k === 0 ? "h" : `more.${k - 1}.encoder`;
      for (const field of ["layer3", "layer4"] as const) {
        if (encoder[field].length > 0) remove(encoder, `${path}.${field}`, field, encoder[field], []);
      }
    }
  }
  return leftOut;
}
