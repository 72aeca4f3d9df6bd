import type { Profile, Span } from "./profile.ts";

/** One event of the Chrome trace event format; times in microseconds. */
export interface TraceEvent {
  name: string;
  /** X: a span with a duration, C: a counter, M: the name of a track. */
  ph: "X" | "C" | "M";
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  cat?: string;
  args: Record<string, string | number>;
}

/** A trace as Perfetto and chrome://tracing open it. */
export interface Trace {
  displayTimeUnit: "ms";
  traceEvents: TraceEvent[];
  otherData: Record<string, string>;
}

const PROCESS = 1;
const GPU = 1;
const HOST = 2;
const MICRO = 1e6;

/**
 * One run of a profiled step on a time line: a track for the GPU with every dispatch, one for what the host did, and a
 * counter of the memory that is alive. Source: Google, "Trace Event Format".
 */
export function chromeTrace(profile: Profile, title = "onestage"): Trace {
  const { spans, encoded, source, notes } = profile;
  // The time line begins at 0 with whatever came first.
  const origin = Math.min(0, encoded.begin);
  const at = (seconds: number) => (seconds - origin) * MICRO;
  const event = { pid: PROCESS, cat: "step" } as const;
  const track = (tid: number, name: string, order: number): TraceEvent[] => [
    { name: "thread_name", ph: "M", pid: PROCESS, tid, ts: 0, args: { name } },
    { name: "thread_sort_index", ph: "M", pid: PROCESS, tid, ts: 0, args: { sort_index: order } },
  ];
  const host: TraceEvent = {
    ...event,
    name: "encode, a pass for each dispatch",
    ph: "X",
    tid: HOST,
    ts: at(encoded.begin),
    dur: (encoded.end - encoded.begin) * MICRO,
    args: { dispatches: spans.length },
  };
  const counter = (ts: number, bytes: number): TraceEvent => ({
    name: "live bytes",
    ph: "C",
    pid: PROCESS,
    tid: GPU,
    ts,
    args: { bytes },
  });
  return {
    displayTimeUnit: "ms",
    traceEvents: [
      { name: "process_name", ph: "M", pid: PROCESS, tid: GPU, ts: 0, args: { name: title } },
      ...track(GPU, "GPU", 0),
      ...track(HOST, "host", 1),
      host,
      ...spans.flatMap((span) => [
        counter(at(span.begin), span.live),
        {
          ...event,
          name: span.gradient ? `${span.op} gradient` : span.op,
          ph: "X" as const,
          tid: GPU,
          ts: at(span.begin),
          dur: (span.end - span.begin) * MICRO,
          args: details(span, profile),
        },
      ]),
      counter(at(spans.at(-1)?.end ?? 0), 0),
    ],
    otherData: {
      times: source,
      clocks: "the host's clock is aligned with the GPU's at the submission of the run",
      ...Object.fromEntries(notes.map((note, i) => [`note ${i + 1}`, note])),
    },
  };
}

/** What is known of a span: rates are those of its median. */
function details(span: Span, { limits }: Profile): TraceEvent["args"] {
  const { layer, shape, kernel, groups, seconds, flops, bytes, live } = span;
  const rate = (amount: number) => (seconds > 0 ? Number((amount / seconds / 1e9).toPrecision(4)) : 0);
  const least = limits && Math.max(flops / limits.flops, bytes / limits.bytes);
  return {
    ...{ layer, shape, kernel, workgroups: groups.join(" × ") },
    ...{
      "median ms": seconds * 1000,
      GFLOP: flops / 1e9,
      MB: bytes / 1e6,
      "GFLOP/s": rate(flops),
      "GB/s": rate(bytes),
    },
    ...(least !== null && seconds > 0 ? { "% of ceiling": Number(((100 * least) / seconds).toPrecision(3)) } : {}),
    "live bytes": live,
  };
}
