import { type Arr, arr } from "./array.ts";
import { windowExtent } from "./conv.ts";
import { mean } from "./reduce.ts";

/** Attributes of the pooling ops, each pair as [vertical, horizontal]; the stride defaults to the kernel. */
export interface PoolAttrs {
  kernel: [number, number];
  stride?: [number, number];
  padding?: [number, number];
}

/** Attributes of resize: the new extents and how values between pixels are found. */
export interface ResizeAttrs {
  height: number;
  width: number;
  mode: "bilinear" | "nearest";
}

function pool([x]: Arr[], attrs: PoolAttrs, value: (window: number[], area: number) => number): Arr {
  const { kernel, stride = kernel, padding = [0, 0] } = attrs;
  const [batch, height, width, channels] = x.shape;
  const outHeight = windowExtent(height, kernel[0], stride[0], padding[0], 1);
  const outWidth = windowExtent(width, kernel[1], stride[1], padding[1], 1);
  const y = arr([batch, outHeight, outWidth, channels]);
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let c = 0; c < channels; c++) {
          const window: number[] = [];
          for (let ky = 0; ky < kernel[0]; ky++) {
            const iy = oy * stride[0] - padding[0] + ky;
            if (iy < 0 || iy >= height) continue;
            for (let kx = 0; kx < kernel[1]; kx++) {
              const ix = ox * stride[1] - padding[1] + kx;
              if (ix < 0 || ix >= width) continue;
              window.push(x.data[((n * height + iy) * width + ix) * channels + c]);
            }
          }
          y.data[at++] = value(window, kernel[0] * kernel[1]);
        }
      }
    }
  }
  return y;
}

/** Largest value of each window; padding never wins. */
export function maxPool2d(inputs: Arr[], attrs: PoolAttrs): Arr {
  return pool(inputs, attrs, (window) => Math.max(...window));
}

/** For each window the index of the element that wins: the first of the largest. */
export function maxPoolWinners([x]: Arr[], attrs: PoolAttrs): Arr {
  const indices = arr(
    x!.shape,
    x!.data.map((_, i) => i),
  );
  return pool([indices], attrs, (window) => window.reduce((best, at) => (x!.data[at]! > x!.data[best]! ? at : best)));
}

/** Mean of each window, padding counted as zeros. */
export function avgPool2d(inputs: Arr[], attrs: PoolAttrs): Arr {
  return pool(inputs, attrs, (window, area) => window.reduce((total, value) => total + value, 0) / area);
}

/** Mean over the pixels: [N,H,W,C] -> [N,C]. */
export function globalAvgPool(inputs: Arr[]): Arr {
  return mean(inputs, { axes: [1, 2] });
}

/** Mean over each of height × width bins that cover the image; the pixels that a bin overlaps count in it. */
export function adaptiveAvgPool2d([x]: Arr[], { height, width }: Omit<ResizeAttrs, "mode">): Arr {
  const [batch, inHeight, inWidth, channels] = x.shape;
  const y = arr([batch, height, width, channels]);
  const range = (bin: number, bins: number, extent: number) => {
    const [first, end] = [Math.floor((bin * extent) / bins), Math.ceil(((bin + 1) * extent) / bins)];
    return Array.from({ length: end - first }, (_, i) => first + i);
  };
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < height; oy++) {
      for (let ox = 0; ox < width; ox++) {
        const pixels = range(oy, height, inHeight).flatMap((iy) =>
          range(ox, width, inWidth).map((ix) => ((n * inHeight + iy) * inWidth + ix) * channels),
        );
        for (let c = 0; c < channels; c++) {
          y.data[at++] = pixels.reduce((total, pixel) => total + x.data[pixel + c], 0) / pixels.length;
        }
      }
    }
  }
  return y;
}

interface Sample {
  low: number;
  high: number;
  fraction: number;
}

function sampleAt(i: number, input: number, output: number, mode: ResizeAttrs["mode"]): Sample {
  if (mode === "nearest") {
    const nearest = Math.floor((i * input) / output);
    return { low: nearest, high: nearest, fraction: 0 };
  }
  const position = Math.max(((i + 0.5) * input) / output - 0.5, 0);
  const low = Math.floor(position);
  return { low, high: Math.min(low + 1, input - 1), fraction: position - low };
}

/** Resizes the pixels of x[N,H,W,C]. Source: PyTorch, interpolate with align_corners=False, no antialiasing. */
export function resize([x]: Arr[], { height, width, mode }: ResizeAttrs): Arr {
  const [batch, inHeight, inWidth, channels] = x.shape;
  const y = arr([batch, height, width, channels]);
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < height; oy++) {
      const v = sampleAt(oy, inHeight, height, mode);
      for (let ox = 0; ox < width; ox++) {
        const h = sampleAt(ox, inWidth, width, mode);
        for (let c = 0; c < channels; c++) {
          const pixel = (iy: number, ix: number) => x.data[((n * inHeight + iy) * inWidth + ix) * channels + c];
          const top = (1 - h.fraction) * pixel(v.low, h.low) + h.fraction * pixel(v.low, h.high);
          const bottom = (1 - h.fraction) * pixel(v.high, h.low) + h.fraction * pixel(v.high, h.high);
          y.data[at++] = (1 - v.fraction) * top + v.fraction * bottom;
        }
      }
    }
  }
  return y;
}

/** Resizes label maps [N,H,W]: the label under the middle of each new pixel. */
export function resizeLabels([x]: Arr[], { height, width }: Omit<ResizeAttrs, "mode">): Arr {
  const [batch, inHeight, inWidth] = x.shape;
  const y = arr([batch, height, width]);
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < height; oy++) {
      const iy = Math.floor(((oy + 0.5) * inHeight) / height);
      for (let ox = 0; ox < width; ox++) {
        const ix = Math.floor(((ox + 0.5) * inWidth) / width);
        y.data[at++] = x.data[(n * inHeight + iy) * inWidth + ix];
      }
    }
  }
  return y;
}
