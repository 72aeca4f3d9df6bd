import { metricWords, percent, SEEN_WORDS, whole } from "./format.ts";
import type { NetworkReport, ReportData, Seen } from "./types.ts";

/** The comparison that a run is about, for one modality at test. */
export interface Finding {
  seen: "rgb" | "depth" | "ir";
  ours: NetworkReport;
  baseline?: NetworkReport;
  upper?: NetworkReport;
  /** Ours minus baseline in the main metric, a difference of shares. */
  gain: number;
  /** Share of the gap between baseline and upper bound that ours closes; NaN where there is no gap. */
  closed: number;
  /** The smallest difference that this many test images can tell from chance (95 %); NaN where that is not known. */
  resolution: number;
}

/** The metric that headlines compare: top-1 accuracy for classification, mean intersection over union for segmentation. */
export function mainMetric(data: ReportData, network: NetworkReport): number {
  return network.metrics[metricWords(data.task).main];
}

/**
 * The 95 % score interval of a share `p` measured on `n` independent samples, as [low, high].
 * Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
 */
export function wilson(p: number, n: number): [number, number] {
  if (!(n > 0) || !Number.isFinite(p)) return [Number.NaN, Number.NaN];
  const z = 1.959964;
  const middle = p + (z * z) / (2 * n);
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

/** The network that others which see the same are compared with: the plain single-modality one, else the first baseline. */
export function baselineOf(data: ReportData, seen: Seen): NetworkReport | undefined {
  const group = data.networks.filter((network) => network.role === "baseline" && network.seen === seen);
  return group.find((network) => network.id === `${seen}-only`) ?? group[0];
}

/** Finds, for each modality alone at test, the first network of ours with its baseline and upper bound. */
export function findings(data: ReportData): Finding[] {
  const found: Finding[] = [];
  for (const seen of ["rgb", "depth", "ir"] as const) {
    // The first one listed, never the best one: picking by test score would flatter the method.
    const ours = data.networks.find((network) => network.role === "ours" && network.seen === seen);
    if (!ours) continue;
    const baseline = baselineOf(data, seen);
    const upper = data.networks.find((network) => network.role === "upper bound");
    const score = (network?: NetworkReport) => (network ? mainMetric(data, network) : Number.NaN);
    const gain = score(ours) - score(baseline);
    const gap = score(upper) - score(baseline);
    found.push({
      seen,
      ours,
      baseline,
      upper,
      gain,
      closed: gap > 0 ? gain / gap : Number.NaN,
      resolution: resolve(data, ours, baseline),
    });
  }
  return found;
}

function resolve(data: ReportData, a: NetworkReport, b?: NetworkReport): number {
  // Pixels of one image are not independent, so nothing is claimed for segmentation.
  if (!b || data.task !== "classify") return Number.NaN;
  const variance = (network: NetworkReport) =>
    (network.metrics.top1 * (1 - network.metrics.top1)) / network.metrics.samples;
  return 1.959964 * Math.sqrt(variance(a) + variance(b));
}

/** One finding as a sentence. */
export function sentence(data: ReportData, finding: Finding): string {
  const { ours, baseline, upper, gain, closed } = finding;
  const words = metricWords(data.task);
  const value = (network: NetworkReport) => percent(mainMetric(data, network));
  let text = `With ${SEEN_WORDS[finding.seen]} alone at test, ${ours.title} reaches ${value(ours)} ${words[words.main]}`;
  if (baseline && Number.isFinite(gain)) {
    const size = (Math.abs(gain) * 100).toFixed(1);
    const relation = size === "0.0" ? "level with" : `${size} points ${gain > 0 ? "above" : "below"}`;
    text += `, ${relation} ${baseline.title} (${value(baseline)})`;
  }
  if (upper && baseline && Number.isFinite(closed)) {
    const share = Math.round(closed * 100);
    const closing = share > 0 ? `closing ${share}% of the gap to` : "closing none of the gap to";
    text += ` and ${closing} ${upper.title} (${value(upper)})`;
  } else if (upper && Number.isFinite(mainMetric(data, upper))) {
    text += `; ${upper.title} reaches ${value(upper)}`;
  }
  return `${text}.`;
}

/** What the test set can and cannot tell about one finding, or null where that is not known. */
export function caution(finding: Finding): string | null {
  const { resolution, gain, ours } = finding;
  if (!Number.isFinite(resolution) || !Number.isFinite(gain)) return null;
  const size = (resolution * 100).toFixed(1);
  const verdict = Math.abs(gain) > resolution ? "larger" : "not larger";
  return `With ${whole(ours.metrics.samples)} test images chance alone makes differences up to ${size} points (95%); this one is ${verdict}.`;
}

/** The sentences that open every form of the report. */
export function headline(data: ReportData): string[] {
  const found = findings(data);
  if (found.length > 0) return found.map((finding) => sentence(data, finding));
  if (data.networks.length === 0) return ["No network was evaluated."];
  const words = metricWords(data.task);
  return data.networks.map(
    (network) =>
      `${network.title} sees ${SEEN_WORDS[network.seen]} at test and reaches ${percent(mainMetric(data, network))} ${words[words.main]}.`,
  );
}
