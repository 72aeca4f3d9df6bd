/**
 * Error rates of telling live (bona fide) faces from presentation attacks, at one threshold: a face is taken for live
 * where its score, the probability of the live class, is at least the threshold. Source: ISO/IEC 30107-3.
 */
export interface SpoofingRates {
  threshold: number;
  /**
   * Attack presentation classification error rate: share of the attacks that pass for live; of the worst kind where each
   * kind of attack is a class of its own. Published code sometimes has the names of APCER and BPCER the other way round.
   */
  apcer: number;
  /** Bona fide presentation classification error rate: share of the live faces that are taken for attacks. */
  bpcer: number;
  /** Mean of both. */
  acer: number;
}

/** The share of live faces that pass where at most so many attacks do. */
export interface OperatingPoint {
  fpr: number;
  tpr: number;
}

/** How well live faces are told from presentation attacks; attacks of all kinds count alike unless said otherwise. */
export interface SpoofingMetrics {
  /** At the threshold 0.5. */
  half: SpoofingRates;
  /** At the threshold of the images themselves at which both errors are most alike: an optimistic choice. */
  equal: SpoofingRates;
  /** Equal error rate: where the line through the points of the ROC has both errors alike. */
  eer: number;
  /** Area under the ROC: the probability that a live face has a higher score than an attack, equal ones counted half. */
  auc: number;
  /** The largest share of live faces (TPR) of a threshold that lets at most 1e-2, 1e-3, 1e-4 of the attacks (FPR) pass. */
  tprAtFpr: OperatingPoint[];
}

/** The class of live faces: of two classes the one whose name says so; null where there is none. */
export function liveClassOf(classes: readonly string[]): number | null {
  const saying = classes.findIndex((known) => /^(live|real|genuine|bona[ _-]?fide)$/i.test(known));
  return classes.length === 2 && saying >= 0 ? saying : null;
}

const FALSE_POSITIVE_RATES = [1e-2, 1e-3, 1e-4];

/**
 * Judges scores of images, the probabilities of the class `live`, against their true classes; every other class is a kind
 * of attack. Rates of live faces or of attacks are NaN where there are none, and all where a score is not a number.
 */
export function spoofingMetrics(scores: readonly number[], truth: readonly number[], live: number): SpoofingMetrics {
  const points = scores.some(Number.isNaN) ? [] : rocOf(scores, truth, live);
  const apart = (point: RocPoint) => Math.abs(point.fpr - (1 - point.tpr));
  // Not the first point, whose threshold is above every score.
  const nearest = points.slice(1).sort((a, b) => apart(a) - apart(b))[0];
  return {
    half: spoofingRates(scores, truth, live, 0.5),
    equal: spoofingRates(scores, truth, live, nearest?.threshold ?? Number.NaN),
    eer: equalErrorRate(points),
    auc: areaUnder(points),
    tprAtFpr: FALSE_POSITIVE_RATES.map((fpr) => ({
      fpr,
      tpr: points.filter((point) => point.fpr <= fpr).at(-1)?.tpr ?? Number.NaN,
    })),
  };
}

/** Both error rates at a threshold, for one that was chosen on other images. */
export function spoofingRates(
  scores: readonly number[],
  truth: readonly number[],
  live: number,
  threshold: number,
): SpoofingRates {
  const seen = new Map<number, { count: number; passed: number }>();
  for (const [i, kind] of truth.entries()) {
    const counts = seen.get(kind) ?? { count: 0, passed: 0 };
    seen.set(kind, counts);
    counts.count++;
    if (scores[i]! >= threshold) counts.passed++;
  }
  if (scores.some(Number.isNaN)) return { threshold, apcer: Number.NaN, bpcer: Number.NaN, acer: Number.NaN };
  const passed = (kind: number) => (seen.get(kind)?.passed ?? 0) / (seen.get(kind)?.count ?? 0);
  const attacks = [...seen.keys()].filter((kind) => kind !== live);
  const apcer = attacks.length > 0 ? Math.max(...attacks.map(passed)) : Number.NaN;
  const bpcer = 1 - passed(live);
  return { threshold, apcer, bpcer, acer: (apcer + bpcer) / 2 };
}

/** A point of the receiver operating characteristic: shares of attacks and of live faces with at least this score. */
interface RocPoint {
  threshold: number;
  fpr: number;
  tpr: number;
}

/** The points of all thresholds that make a difference, from where nothing passes to where everything does. */
function rocOf(scores: readonly number[], truth: readonly number[], live: number): RocPoint[] {
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const positives = truth.filter((kind) => kind === live).length;
  const negatives = truth.length - positives;
  const points: RocPoint[] = [{ threshold: Number.POSITIVE_INFINITY, fpr: 0 / negatives, tpr: 0 / positives }];
  let [right, wrong] = [0, 0];
  for (const [at, i] of order.entries()) {
    if (truth[i] === live) right++;
    else wrong++;
    const next = order[at + 1];
    // Images of equal score pass together.
    if (next !== undefined && scores[next] === scores[i]) continue;
    points.push({ threshold: scores[i]!, fpr: wrong / negatives, tpr: right / positives });
  }
  return points;
}

function equalErrorRate(points: readonly RocPoint[]): number {
  const above = points.findIndex(({ fpr, tpr }) => fpr >= 1 - tpr);
  const [before, after] = [points[above - 1], points[above]];
  if (!before || !after) return Number.NaN;
  // On the line between the two points, where fpr + tpr grows from below 1 to 1 or more.
  const part = (1 - before.fpr - before.tpr) / (after.fpr + after.tpr - before.fpr - before.tpr);
  return before.fpr + part * (after.fpr - before.fpr);
}

function areaUnder(points: readonly RocPoint[]): number {
  let area = points.length > 0 ? 0 : Number.NaN;
  for (const [i, { fpr, tpr }] of points.slice(1).entries())
    area += ((fpr - points[i]!.fpr) * (tpr + points[i]!.tpr)) / 2;
  return area;
}
