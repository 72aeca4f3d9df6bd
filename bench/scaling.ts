import { type EncoderConfig, encoders } from "../src/model/encoder.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { matches } from "./cases.ts";
import type { Ceilings, ScalingCurve, ScalingPoint } from "./result.ts";
import { prepareStep, type Scenario } from "./steps.ts";
import { type Effort, interleave, type Timer } from "./timing.ts";

// A step that would take longer than this (ms) is left out, with all that follow it.
const LONGEST = 20_000;

const base: Scenario = { encoder: encoders.tiny, task: "classify", classes: 10, batch: 8, height: 32, width: 32 };

/** The encoder with all its channels times a factor. */
function widened(encoder: EncoderConfig, factor: number): EncoderConfig {
  return { ...encoder, stem: encoder.stem * factor, widths: encoder.widths.map((width) => width * factor) };
}

const axes: { axis: string; scenario: string; values: number[]; at(value: number): Scenario }[] = [
  {
    axis: "batch",
    scenario: "training step, tiny, 32x32 images, replayed",
    values: [1, 2, 4, 8, 16, 32, 64],
    at: (batch) => ({ ...base, batch }),
  },
  {
    axis: "width factor",
    scenario: "training step, tiny with all channels times a factor, 8 images of 32x32, replayed",
    values: [0.5, 1, 2, 4, 8],
    at: (factor) => ({ ...base, encoder: widened(encoders.tiny, factor) }),
  },
  {
    axis: "image side",
    scenario: "training step, tiny, 8 square images, replayed",
    values: [16, 32, 64, 128, 256],
    at: (side) => ({ ...base, height: side, width: side }),
  },
];

/** The names of the curves that a filter leaves. */
export function scalingAxes(filter: string): string[] {
  return axes.map(({ axis }) => axis).filter((name) => matches({ name, group: "train" }, filter));
}

/** Measures what a training step costs as batch, width and image size grow: the curves with these names. */
export async function measureScaling(
  device: GpuDevice,
  timer: Timer,
  effort: Effort,
  ceilings: Ceilings,
  chosen: readonly string[],
  say: (line: string) => void,
): Promise<ScalingCurve[]> {
  const curves: ScalingCurve[] = [];
  for (const { axis, scenario, values, at } of axes) {
    if (!chosen.includes(axis)) continue;
    const points: ScalingPoint[] = [];
    const skipped: ScalingCurve["skipped"] = [];
    for (const value of values) {
      say(`scaling: ${axis} ${value}`);
      const before = points.at(-1);
      device.pool.trim();
      device.pool.resetPeak();
      const work = prepareStep(device, at(value), "train", "replayed");
      const flops = work.flops!;
      const expected = before ? (before.time.median * flops) / before.flops : (1000 * flops) / ceilings.flops;
      if (expected > LONGEST) {
        skipped.push({ name: `${axis} ${value}`, reason: `about ${Math.round(expected / 1000)} s a step` });
        work.dispose();
        continue;
      }
      try {
        const dispatches = device.stream.counters.dispatches;
        work.run();
        const made = device.stream.counters.dispatches - dispatches;
        const [timing] = await interleave(timer, [work], effort);
        const peak = device.pool.memory().peakBytes;
        points.push({ x: value, flops, time: timing!.wall, peak, dispatches: made });
      } finally {
        work.dispose();
      }
    }
    curves.push({ axis, scenario, points, skipped });
  }
  return curves;
}
