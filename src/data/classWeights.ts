/**
 * Weight of each class by the counts of its samples or pixels: the median frequency over the class's own, so that the class
 * of median frequency weighs 1 and rare ones more; classes that do not occur weigh 0.
 * Source: Eigen & Fergus 2015, median frequency balancing, with frequencies over all images.
 */
export function medianFrequency(counts: readonly number[]): number[] {
  const known = counts.filter((count) => count > 0).sort((a, b) => a - b);
  const middle = known.length >> 1;
  const median = known.length % 2 === 1 ? known[middle]! : (known[middle - 1]! + known[middle]!) / 2;
  return counts.map((count) => (count > 0 ? median / count : 0));
}
