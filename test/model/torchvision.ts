import type { EncoderConfig } from "../../src/model/encoder.ts";

const COUNTER = "num_batches_tracked";

/**
 * The tensors of a torchvision ResNet by name, with their shapes: a list made by the rule of its `state_dict()`, apart from
 * what our encoders make of themselves.
 */
export function torchvisionShapes(
  { stem, kernel = 3, widths, blocks, block }: EncoderConfig,
  classes: number,
): Map<string, number[]> {
  const shapes = new Map<string, number[]>([["conv1.weight", [stem, 3, kernel, kernel]]]);
  const norm = (name: string, channels: number) => {
    for (const part of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${name}.${part}`, [channels]);
    shapes.set(`${name}.${COUNTER}`, []);
  };
  norm("bn1", stem);
  let inputs = stem;
  for (const [l, width] of widths.entries()) {
    for (let b = 0; b < blocks[l]!; b++) {
      const at = `layer${l + 1}.${b}`;
      const narrow = width / 4;
      const convolutions =
        block === "bottleneck"
          ? [
              [narrow, inputs, 1],
              [narrow, narrow, 3],
              [width, narrow, 1],
            ]
          : [
              [width, inputs, 3],
              [width, width, 3],
            ];
      for (const [i, [to, from, taps]] of convolutions.entries()) {
        shapes.set(`${at}.conv${i + 1}.weight`, [to!, from!, taps!, taps!]);
        norm(`${at}.bn${i + 1}`, to!);
      }
      if (b === 0 && (l > 0 || inputs !== width)) {
        shapes.set(`${at}.downsample.0.weight`, [width, inputs, 1, 1]);
        norm(`${at}.downsample.1`, width);
      }
      inputs = width;
    }
  }
  shapes.set("fc.weight", [classes, inputs]);
  shapes.set("fc.bias", [classes]);
  return shapes;
}
