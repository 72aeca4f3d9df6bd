import { globalAvgPool } from "../kernels/pool.ts";
import { Dropout, Linear } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The maps in which one network is made like another, [N,h,w,C] each. */
export interface Maps {
  /** The deepest ones, deepest last: what JAN aligns. Source: method.md a.4 (placement). */
  features: Tensor[];
  /** Those of all stages, first stage first. */
  maps: readonly Tensor[];
}

/** What a head gives: class scores, and such maps. */
export interface HeadOutput extends Maps {
  /** [N,classes] for images; for pixels one [N,h,w,classes] a scale, finest first. */
  scores: Tensor[];
}

/** What turns the maps of an encoder into class scores. */
export abstract class Head extends Module {
  /** From the map of each stage [N,h,w,C], first stage first, of the images x [N,H,W,·]. */
  abstract forward(maps: readonly Tensor[], x: Tensor, pass: Pass): HeadOutput;
  /** The last layers: those that give the class scores. */
  abstract get scoring(): Module[];
}

/** Global average pooling of the last map, dropout, and a linear layer: [N,H,W,C] → [N,classes]. */
export class ClassifierHead extends Head {
  readonly dropout: Dropout;
  readonly fc: Linear;

  constructor(init: Init, channels: number, classes: number, dropout = 0) {
    super();
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(init.at("fc"), channels, classes);
  }

  get scoring(): Module[] {
    return [this.fc];
  }

  forward(maps: readonly Tensor[], _x: Tensor, pass: Pass): HeadOutput {
    const deepest = maps.at(-1)!;
    const scores = this.fc.forward(this.dropout.forward(globalAvgPool(deepest), pass));
    return { scores: [scores], features: [deepest], maps };
  }
}
