import { inference } from "../nn/module.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { noGrad } from "../tensor/tape.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import type { Encoder } from "./encoder.ts";

/** A map of one image, averaged over the channels: [height,width]. */
export interface FeatureMap {
  height: number;
  width: number;
  values: Float32Array;
}

/**
 * What an encoder sees in each image of x [N,H,W,C]: the map of its deepest stage that still has `least` rows (of its
 * first stage if none has), averaged over the channels. Waits for the GPU.
 */
export async function featureMaps(
  device: GpuDevice,
  encoder: Encoder,
  x: Tensor,
  least: number,
): Promise<FeatureMap[]> {
  const map = scope(() =>
    noGrad(() => {
      let y = encoder.stage(1, encoder.pool(encoder.stem(x, inference)), inference);
      for (let stage = 2; stage <= encoder.stages && Math.ceil(y.shape[1]! / 2) >= least; stage++) {
        y = encoder.stage(stage, y, inference);
      }
      return y;
    }),
  );
  const [images, height, width, channels] = map.shape as [number, number, number, number];
  const [data] = await device.readMany([map]);
  map.dispose();
  const pixels = height * width;
  return Array.from({ length: images }, (_, image) => {
    const values = new Float32Array(pixels);
    for (let pixel = 0; pixel < pixels; pixel++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += data![(image * pixels + pixel) * channels + c]!;
      values[pixel] = sum / channels;
    }
    return { height, width, values };
  });
}
