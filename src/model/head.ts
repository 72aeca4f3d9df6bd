import { globalAvgPool } from "../kernels/pool.ts";
import { Dropout, Linear } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What turns the maps of an encoder into class scores. */
export abstract class Head extends Module {
  /**
   * From the map of each stage [N,H,W,C], first stage first, to class scores at one or several scales, finest first:
   * [N,classes] for images, [N,H,W,classes] for pixels.
   */
  abstract forward(maps: readonly Tensor[], pass: Pass): Tensor[];
}

/** Global average pooling of the last map, dropout, and a linear layer: [N,H,W,C] → [N,classes]. */
export class ClassifierHead extends Head {
  readonly dropout: Dropout;
  readonly fc: Linear;

  constructor(init: Init, channels: number, classes: number, dropout: number) {
    super();
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(init.at("fc"), channels, classes);
  }

  forward(maps: readonly Tensor[], pass: Pass): Tensor[] {
    return [this.fc.forward(this.dropout.forward(globalAvgPool(maps.at(-1)!), pass))];
  }
}
