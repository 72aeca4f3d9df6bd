/** A colour map: nine or fewer stops, evenly spaced, interpolated linearly in sRGB. */
export type ColorMap = readonly (readonly [number, number, number])[];

/** Dark violet to yellow, lightness rising evenly. Source: matplotlib's viridis (CC0), nine stops. */
export const VIRIDIS: ColorMap = [
  [68, 1, 84],
  [71, 45, 123],
  [59, 82, 139],
  [44, 114, 142],
  [33, 144, 140],
  [39, 173, 129],
  [93, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** Black over magenta to pale yellow, lightness rising evenly. Source: matplotlib's magma (CC0), nine stops. */
export const MAGMA: ColorMap = [
  [0, 0, 4],
  [29, 17, 71],
  [81, 18, 124],
  [130, 38, 129],
  [182, 54, 121],
  [230, 81, 100],
  [251, 136, 97],
  [254, 194, 135],
  [252, 253, 191],
];

/** Blue for negative, near white for zero, red for positive. Source: ColorBrewer's RdBu with seven classes, reversed. */
export const BLUE_RED: ColorMap = [
  [33, 102, 172],
  [103, 169, 207],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [239, 138, 98],
  [178, 24, 43],
];

/** Writes the colour at position `t` (clamped to 0..1) of a map to three bytes of `out`. */
export function paint(map: ColorMap, t: number, out: Uint8Array, offset: number): void {
  const place = Math.min(1, Math.max(0, t)) * (map.length - 1);
  const low = Math.min(map.length - 2, Math.floor(place));
  const part = place - low;
  for (let channel = 0; channel < 3; channel++) {
    out[offset + channel] = Math.round(map[low][channel] * (1 - part) + map[low + 1][channel] * part);
  }
}
