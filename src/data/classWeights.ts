/**
 * Weight of each class by its frequency: the median frequency over its own, so that the class of median frequency weighs 1
 * and rare ones more; classes that do not occur weigh 0. `counts` has the samples or pixels of each class. With `images`, how
 * many images have the class, its frequency is over all pixels of those (all of one size, ignored pixels included), else over
 * all samples.
 * Source: Eigen & Fergus 2015, median frequency balancing; ESANet src/datasets/dataset_base.py.
 */
export function medianFrequency(counts: readonly number[], images?: readonly number[]): number[] {
  // The pixels of an image are the same for all classes, and leave the quotient.
  const frequencies = counts.map((count, i) => (count > 0 && images ? count / images[i]! : count));
  const known = frequencies.filter((frequency) => frequency > 0).sort((a, b) => a - b);
  const middle = known.length >> 1;
  const median = known.length % 2 === 1 ? known[middle]! : (known[middle - 1]! + known[middle]!) / 2;
  return frequencies.map((frequency) => (frequency > 0 ? median / frequency : 0));
}
