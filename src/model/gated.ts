import type { Init, Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { SqueezeExcitation } from "./blocks.ts";
import type { EncoderConfig } from "./encoder.ts";
import { channels, type Modality, type Parts } from "./method.ts";
import { SingleNetwork, type SingleOutput } from "./single.ts";
import type { Task } from "./task.ts";

/**
 * A single-modality network whose channels are weighed behind the stem and every stage, as ESANet's are when it sees one
 * modality. What others are made like are the maps before that. Source: Seichter et al. 2021; method.md a.4 (placement).
 */
export class GatedNetwork extends SingleNetwork {
  /** Of the stem, then of the stages. */
  readonly gates: SqueezeExcitation[];

  constructor(init: Init, channels: number, classes: number, config: EncoderConfig, task: Task) {
    super(init, channels, classes, config, task);
    const widths = [config.stem, ...config.widths];
    this.gates = widths.map((width, i) => new SqueezeExcitation(init.at("gates", i), width));
  }

  override forward(x: Tensor, pass: Pass): SingleOutput {
    const { encoder } = this;
    const [stem, ...stages] = this.gates as [SqueezeExcitation, ...SqueezeExcitation[]];
    const maps: Tensor[] = [];
    const weighed: Tensor[] = [];
    let y = encoder.pool(stem.forward(encoder.stem(x, pass)));
    for (const [i, gate] of stages.entries()) {
      maps.push(encoder.stage(i + 1, y, pass));
      y = gate.forward(maps[i]!);
      weighed.push(y);
    }
    const { scores, features } = this.head.forward(weighed, x, pass);
    return { scores, features: features.map((map) => maps[weighed.indexOf(map)] ?? map), maps };
  }
}

/** Makes a privileged network for a modality, with gates where the configuration has them. */
export function privilegedNetwork({ config, encoder, task, single }: Parts): Parts["single"] {
  if (config.privilegedGates !== "se") return single;
  return (at: Init, modality: Modality) => new GatedNetwork(at, channels[modality], config.classes, encoder, task);
}
