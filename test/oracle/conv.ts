import { type Arr, arr, mapArr } from "./array.ts";

/** Attributes of matmul: which operands are read transposed. */
export interface MatmulAttrs {
  transposeA?: boolean;
  transposeB?: boolean;
}

/** Attributes of conv2d, each pair as [vertical, horizontal]. */
export interface Conv2dAttrs {
  stride?: [number, number];
  padding?: [number, number];
  dilation?: [number, number];
  groups?: number;
  activation?: "none" | "relu";
}

/** Attributes of conv2d with the defaults filled in. */
export function conv2dDefaults(attrs: Conv2dAttrs = {}): Required<Conv2dAttrs> {
  return { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, activation: "none", ...attrs };
}

/** Extent of a sliding-window output along one axis. Source: PyTorch, Conv2d documentation (floor form). */
export function windowExtent(input: number, kernel: number, stride: number, padding: number, dilation: number): number {
  return Math.floor((input + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** op(a) * op(b) of two matrices. */
export function matmul([a, b]: Arr[], attrs: MatmulAttrs = {}): Arr {
  const [rowsA, columnsA] = a.shape;
  const [rowsB, columnsB] = b.shape;
  const [m, inner] = attrs.transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [innerB, n] = attrs.transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  if (inner !== innerB) throw new Error(`matmul: inner extents ${inner} and ${innerB} differ`);
  const y = arr([m, n]);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let total = 0;
      for (let k = 0; k < inner; k++) {
        const left = attrs.transposeA ? a.data[k * columnsA + i] : a.data[i * columnsA + k];
        const right = attrs.transposeB ? b.data[j * columnsB + k] : b.data[k * columnsB + j];
        total += left * right;
      }
      y.data[i * n + j] = total;
    }
  }
  return y;
}

/**
 * Visits every product of a convolution as positions in the data of x, w and y.
 * x[N,H,W,C], w[KH,KW,C/G,K], y[N,OH,OW,K]; taps that fall on the zero padding are left out.
 */
export function forEachTap(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  attrs: Required<Conv2dAttrs>,
  visit: (xAt: number, wAt: number, yAt: number) => void,
): void {
  const [batch, height, width, channels] = x;
  const [kernelHeight, kernelWidth, groupChannels, filters] = w;
  const [, outHeight, outWidth] = y;
  const { stride, padding, dilation, groups } = attrs;
  const groupFilters = filters / groups;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          const iy = oy * stride[0] - padding[0] + ky * dilation[0];
          if (iy < 0 || iy >= height) continue;
          for (let kx = 0; kx < kernelWidth; kx++) {
            const ix = ox * stride[1] - padding[1] + kx * dilation[1];
            if (ix < 0 || ix >= width) continue;
            for (let k = 0; k < filters; k++) {
              const firstChannel = Math.floor(k / groupFilters) * groupChannels;
              const yAt = ((n * outHeight + oy) * outWidth + ox) * filters + k;
              for (let c = 0; c < groupChannels; c++) {
                const xAt = ((n * height + iy) * width + ix) * channels + firstChannel + c;
                const wAt = ((ky * kernelWidth + kx) * groupChannels + c) * filters + k;
                visit(xAt, wAt, yAt);
              }
            }
          }
        }
      }
    }
  }
}

/**
 * Cross-correlation of x[N,H,W,C] with w[KH,KW,C/G,K] plus an optional bias[K], cut off below 0 by relu: [N,OH,OW,K].
 * @throws Error if channels, filters and groups do not fit together.
 */
export function conv2d([x, w, bias]: Arr[], attrs?: Conv2dAttrs): Arr {
  const full = conv2dDefaults(attrs);
  const { stride, padding, dilation, groups } = full;
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, groupChannels, filters] = w.shape;
  if (channels !== groupChannels * groups || filters % groups !== 0) {
    throw new Error(`conv2d: x [${x.shape}], w [${w.shape}] and groups ${groups} do not fit`);
  }
  const y = arr([
    batch,
    windowExtent(height, kernelHeight, stride[0], padding[0], dilation[0]),
    windowExtent(width, kernelWidth, stride[1], padding[1], dilation[1]),
    filters,
  ]);
  if (bias) y.data.set(y.data.map((_, i) => bias.data[i % filters]));
  forEachTap(x.shape, w.shape, y.shape, full, (xAt, wAt, yAt) => {
    y.data[yAt] += x.data[xAt] * w.data[wAt];
  });
  if (full.activation === "relu") return mapArr(y, (value) => (value < 0 ? 0 : value));
  return y;
}
