import type { ReportData, Role, Seen } from "./types.ts";

/** Stands where a number is missing. */
export const MISSING = "–";

/** A share as per cent with one decimal: 0.515 gives "51.5%". */
export function percent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(decimals).replace("-", "−")}%` : MISSING;
}

/** A difference of two shares in points, with sign: 0.03 gives "+3.0". */
export function points(difference: number): string {
  return signed(difference * 100, 1);
}

/** A difference of two NLLs in nats, with sign: 0.03 gives "+0.030". */
export function nats(difference: number): string {
  return signed(difference, 3);
}

function signed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return MISSING;
  const text = value.toFixed(decimals);
  return Number(text) > 0 ? `+${text}` : Number(text) < 0 ? text.replace("-", "−") : `±${(0).toFixed(decimals)}`;
}

/** A number with about four significant digits. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** A whole number with thin groups: 1234567 gives "1 234 567". */
export function whole(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f") : MISSING;
}

/** A count, short: 370000 gives "370 k", 1240000 gives "1.24 M". */
export function count(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  for (const [size, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${letter}`;
  }
  return String(value);
}

/** A time span: 41 gives "41 s", 192 gives "3 min 12 s", 4000 gives "1 h 06 min". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return MISSING;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (total < 3600) return `${Math.floor(total / 60)} min ${two(total % 60)} s`;
  const minutes = Math.round(total / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** An ISO date as "2026-11-23 12:30 UTC"; text that is no date is kept. */
export function date(iso: string): string {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? iso : `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** What a network sees, in words. */
export const SEEN_WORDS: Record<Seen, string> = {
  ...{ rgb: "colour", depth: "depth", ir: "infrared", both: "colour and depth", all: "colour, depth and infrared" },
};

/** What each role means, in one clause. */
export const ROLE_WORDS: Record<Role, string> = {
  ours: "trained with all modalities, tested with one of them",
  baseline: "the figure to beat: trained and tested with the same single modality",
  "upper bound": "trained and tested with all: what could be won at most",
  privileged: "sees only the modality that is missing at test; it teaches and is then left out",
};

/** The names of the metrics for a task; `main` is the one that headlines compare. */
export function metricWords(task: ReportData["task"]): {
  main: "top1" | "meanClass";
  top1: string;
  meanClass: string;
  perClass: string;
  unit: string;
} {
  return task === "classify"
    ? { main: "top1", top1: "top-1 accuracy", meanClass: "mean-class accuracy", perClass: "accuracy", unit: "images" }
    : {
        main: "meanClass",
        top1: "pixel accuracy",
        meanClass: "mean IoU",
        perClass: "intersection over union",
        unit: "pixels",
      };
}
