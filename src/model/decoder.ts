import { add } from "../kernels/binary.ts";
import { cast, storedAs } from "../kernels/cast.ts";
import { conv2d } from "../kernels/conv2d.ts";
import { slice } from "../kernels/shape.ts";
import { Conv2d } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { recompute } from "../nn/recompute.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ConvNorm, NonBottleneck1D } from "./blocks.ts";
import { PyramidPooling } from "./context.ts";
import type { EncoderConfig } from "./encoder.ts";
import { Head, type HeadOutput } from "./head.ts";
import { padChannels, Upsample } from "./upsample.ts";

/** One step of the decoder: refines a map, scores its pixels, doubles it and adds the encoder's map of that size. */
class DecoderModule extends Module {
  readonly conv: ConvNorm;
  readonly blocks: NonBottleneck1D[];
  readonly score: Conv2d;
  readonly up: Upsample;
  readonly skip: ConvNorm;
  readonly #recompute: boolean;

  /** inputs: channels of the coarser map; skipped: of the encoder's. */
  constructor(
    init: Init,
    { inputs, skipped, width, blocks, classes }: Record<"inputs" | "skipped" | "width" | "blocks" | "classes", number>,
    again: boolean,
  ) {
    super();
    this.conv = new ConvNorm(init.at("conv"), inputs, width, { kernel: 3 });
    this.blocks = Array.from({ length: blocks }, (_, b) => new NonBottleneck1D(init.at("blocks", b), width, width));
    this.score = new Conv2d(init.at("score"), width, classes, { kernel: 1, bias: true });
    this.up = new Upsample(init.at("up"), width);
    this.skip = new ConvNorm(init.at("skip"), skipped, width, { kernel: 1 });
    this.#recompute = again;
  }

  forward(x: Tensor, skipped: Tensor, pass: Pass): { finer: Tensor; score: Tensor } {
    let y = this.conv.forward(x, pass);
    for (const block of this.blocks) {
      y = this.#recompute ? recompute(block, y, pass) : block.forward(y, pass);
    }
    const skip = this.skip.forward(skipped, pass);
    const [, height, width] = skip.shape as [number, number, number];
    return { finer: add(this.up.forward(y, { height, width }), skip), score: cast(this.score.forward(y), "f32") };
  }
}

/**
 * The segmentation decoder: a context module on the deepest map, then for each other stage, deepest first, a step that
 * refines and doubles, with class scores on the way, and at the end class scores that learned upsamplings bring to the
 * size of the image, or half of it: as many scales as stages, this one and those of the maps of stage 2 and deeper. What is
 * aligned are the maps of the third and second last stage, and the context.
 * Source: Seichter et al. 2021 (ESANet), fig. 2; method.md a.2.
 */
export class SegmentationDecoder extends Head {
  readonly context: PyramidPooling;
  readonly steps: DecoderModule[];
  readonly conv: Conv2d;
  readonly up: Upsample[];

  /** @throws UsageError unless the decoder has one width for each stage but the first. */
  constructor(init: Init, encoder: EncoderConfig, classes: number) {
    super();
    const { context, widths, blocks, doublings } = encoder.decoder;
    const stages = encoder.widths.length;
    if (widths.length !== stages - 1) {
      throw new UsageError(`decoder: expected ${stages - 1} widths for ${stages} stages, got ${widths.length}`);
    }
    this.context = new PyramidPooling(init.at("context"), encoder.widths.at(-1)!, context, encoder.bins ?? [1, 5]);
    this.steps = widths.map((width, i) => {
      const sizes = {
        inputs: widths[i - 1] ?? context,
        skipped: encoder.widths[stages - 2 - i]!,
        width,
        blocks,
        classes,
      };
      return new DecoderModule(init.at("steps", i), sizes, encoder.recompute ?? false);
    });
    this.conv = new Conv2d(init.at("conv"), widths.at(-1)!, classes, { kernel: 3, bias: true });
    this.up = Array.from({ length: doublings }, (_, i) => new Upsample(init.at("up", i), classes));
  }

  get scoring(): Module[] {
    return [...this.steps.map((step) => step.score), this.conv];
  }

  forward(maps: readonly Tensor[], x: Tensor, pass: Pass): HeadOutput {
    const context = this.context.forward(maps.at(-1)!, pass);
    const scores: Tensor[] = [];
    let y = context;
    for (const [i, step] of this.steps.entries()) {
      const { finer, score } = step.forward(y, maps[maps.length - 2 - i]!, pass);
      scores.unshift(score);
      y = finer;
    }
    return { scores: [this.#finest(y, x), ...scores], features: [...maps.slice(-3, -1), context], maps };
  }

  /** The finest class scores for images x, from the last step's map. */
  #finest(y: Tensor, x: Tensor): Tensor {
    const [images, height, width] = x.shape as [number, number, number];
    const { weight, bias } = this.conv;
    const classes = weight.shape[3]!;
    // Kernels work on whole fours of channels: those that no class has are cut off at the end.
    const channels = 4 * Math.ceil(classes / 4);
    const filters = storedAs(y, padChannels(weight, channels));
    const coarse = cast(conv2d(y, filters, padChannels(bias!, channels), { padding: 1 }), "f32");
    const extents = [
      { height: Math.ceil(height / 2), width: Math.ceil(width / 2) },
      { height, width },
    ];
    const finest = this.up.reduce((scores, up, i) => up.forward(scores, extents[i]!), coarse);
    return channels === classes ? finest : slice(finest, [0, 0, 0, 0], [images, ...finest.shape.slice(1, 3), classes]);
  }
}
