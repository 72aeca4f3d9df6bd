import type { PerImage } from "../model/metrics.ts";
import { Rng } from "../tensor/rng.ts";
import type { ComparisonRow } from "./comparison.ts";
import { resamples } from "./statistics.ts";

/**
 * How networks do on images drawn anew: a function that gives the main metric (share of right images, or mean
 * intersection over union) on each of `draws` rounds, which are the same for all networks.
 */
export function resampledScores(
  rows: readonly ComparisonRow[],
  groups: readonly number[] | undefined,
  draws: number,
): (perImage: PerImage) => Float64Array {
  const some = rows.flatMap(({ seeds }) => seeds).find(({ perImage }) => perImage)?.perImage;
  if (!some) return () => new Float64Array(draws).fill(Number.NaN);
  const images = some.kind === "classes" ? some.truth.length : some.union.length / some.classes;
  const each = groups ?? Array.from({ length: images }, (_, i) => i);
  const rounds = [...resamples(each, draws, new Rng(0, "comparison", "images"))];
  return (perImage) => {
    const score = perImage.kind === "classes" ? accuracy(perImage) : meanIou(perImage);
    return Float64Array.from(rounds, score);
  };
}

type Times = ArrayLike<number>;

function accuracy({ truth, predicted }: Extract<PerImage, { kind: "classes" }>): (times: Times) => number {
  const right = Uint8Array.from(truth, (target, i) => (predicted[i] === target ? 1 : 0));
  return (times) => {
    let [hits, all] = [0, 0];
    for (let i = 0; i < right.length; i++) {
      hits += times[i]! * right[i]!;
      all += times[i]!;
    }
    return hits / all;
  };
}

function meanIou({ classes, ...counts }: Extract<PerImage, { kind: "pixels" }>): (times: Times) => number {
  const intersection = Float64Array.from(counts.intersection);
  const union = Float64Array.from(counts.union);
  const both = new Float64Array(classes);
  const either = new Float64Array(classes);
  return (times) => {
    both.fill(0);
    either.fill(0);
    for (let image = 0; image < times.length; image++) {
      const often = times[image]!;
      if (often === 0) continue;
      for (let k = 0; k < classes; k++) {
        both[k]! += often * intersection[image * classes + k]!;
        either[k]! += often * union[image * classes + k]!;
      }
    }
    let [sum, there] = [0, 0];
    for (let k = 0; k < classes; k++) {
      if (either[k] === 0) continue;
      sum += both[k]! / either[k]!;
      there++;
    }
    return sum / there;
  };
}
