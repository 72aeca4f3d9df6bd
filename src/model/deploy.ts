import { inference, type Module } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { Rng } from "../tensor/rng.ts";
import { input, type Method, type Modality, type NetworkConfig } from "./method.ts";
import { buildMethod, type MethodName } from "./methods.ts";
import { OneStageNetwork } from "./onestage.ts";
import { scoresAt } from "./task.ts";

/** Draws nothing: what is read from a file need not be drawn before, which takes seconds for a large network. */
class NoDraws extends Rng {
  override fork(): Rng {
    return this;
  }

  override uniform(): number {
    return 0;
  }

  override fillNormal(): void {}
}

/** A method for inference whose weights are to be loaded: they are 0 until then, and nothing that only trains is there. */
export function unloadedMethod(name: MethodName, device: Device, config: NetworkConfig): Method {
  const weights = { ...config.weights, restore: 0 };
  return buildMethod(name, device, new NoDraws(0), { ...config, weights, privileged: "frozen", classWeights: null });
}

/** A method without what only its training needed, and what was taken away: the parameters by part. */
export interface Deployable {
  method: Method;
  leftOut: ReadonlyMap<string, number>;
}

/**
 * Frees the parts of a method's network that the prediction of its fused head does not need: the hallucination streams'
 * own heads, and those streams' stages behind the last fusion. Networks without such a head stay as they are.
 */
export function withoutHallucinationHead(method: Method, { fusion }: Pick<NetworkConfig, "fusion">): Deployable {
  const { network, seen } = method;
  const leftOut = new Map<string, number>();
  // Where nothing is fused but the scores, both heads are asked.
  if (!(network instanceof OneStageNetwork && network.headH && network.ctn.length > 0)) return { method, leftOut };
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
  return {
    leftOut,
    method: {
      ...method,
      predict(batch) {
        const x = input(batch, seen as Modality);
        const same = network.restoring.map(() => x);
        const { scores, restored } = network.forward(x, same, inference, { fusedOnly: true });
        return { logits: scoresAt(x, scores[0]!), hallucinated: null, restored: restored[0]!.features.at(-1)! };
      },
    },
  };
}
