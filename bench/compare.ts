import { adapterName, type Facts, UNKNOWN } from "./facts.ts";
import { judged, type Result } from "./result.ts";
import { noiseBand } from "./statistics.ts";

/** How one case differs between two runs. */
export interface Change {
  name: string;
  /** Median milliseconds. */
  before: number;
  after: number;
  /** after / before - 1, and how much of that noise may explain. */
  change: number;
  band: number;
  verdict: "faster" | "slower" | "same";
}

/** Two runs side by side. */
export interface Comparison {
  changes: Change[];
  /** Cases that only one run has. */
  onlyBefore: string[];
  onlyAfter: string[];
  /** Why the two may not be comparable. */
  warnings: string[];
}

/** Compares the cases that two runs share; a change counts when it is beyond the noise band of both measurements. */
export function compare(before: Result, after: Result): Comparison {
  const key = ({ name, group }: Result["rows"][number]) => `${group} ${name}`;
  const old = new Map(before.rows.map((row) => [key(row), row]));
  const fresh = new Map(after.rows.map((row) => [key(row), row]));
  const changes = [...fresh].flatMap(([name, row]): Change[] => {
    const earlier = old.get(name);
    if (!earlier) return [];
    // Of both the same kind of time: a run without timestamps has wall times only.
    const sameKind = earlier.gpu !== null && row.gpu !== null;
    const [was, is] = sameKind ? [judged(earlier), judged(row)] : [earlier.wall, row.wall];
    const change = is.median / was.median - 1;
    const band = noiseBand(was, is);
    // A band of 5 % ends at 1.05 and at 1 / 1.05, so that comparing the other way round agrees.
    const beyond = Math.abs(Math.log1p(change)) > Math.log1p(band);
    const verdict = !beyond ? "same" : change > 0 ? "slower" : "faster";
    return [{ name, before: was.median, after: is.median, change, band, verdict }];
  });
  return {
    changes,
    onlyBefore: [...old.keys()].filter((name) => !fresh.has(name)),
    onlyAfter: [...fresh.keys()].filter((name) => !old.has(name)),
    warnings: differences(before, after),
  };
}

function differences({ facts: a }: Result, { facts: b }: Result): string[] {
  const pairs: [string, string, string][] = [
    ["adapter", ...adapterNames(a.adapter, b.adapter)],
    ["processor", a.machine.processor, b.machine.processor],
    ["cores", String(a.machine.cores), String(b.machine.cores)],
    ["runtime", runtime(a.versions), runtime(b.versions)],
  ];
  return pairs
    .filter(([, was, is]) => was !== is && was !== UNKNOWN && is !== UNKNOWN)
    .map(([what, was, is]) => `other ${what}: ${was} before, ${is} now`);
}

/** The names of two adapters, told by what is known of both: browsers do not repeat what the driver says. */
function adapterNames(a: Facts["adapter"], b: Facts["adapter"]): [string, string] {
  const known = a.description && b.description;
  const name = (adapter: Facts["adapter"]) =>
    adapterName(known ? adapter : { ...adapter, device: "", description: "" });
  return [name(a), name(b)];
}

/** What the program runs in, as far as times depend on it. */
function runtime({ browser, webgpu }: Facts["versions"]): string {
  return browser ?? `Node with webgpu ${webgpu ?? "of no known version"}`;
}
