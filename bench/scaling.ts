import { type EncoderConfig, encoders } from "../src/model/encoder.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { matches, type Prepared } from "./cases.ts";
import type { Ceilings, ScalingCurve, ScalingPoint } from "./result.ts";
import { usage } from "./run.ts";
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
    const prepared: (Omit<ScalingPoint, "time"> & { work: Prepared })[] = [];
    const skipped: ScalingCurve["skipped"] = [];
    try {
      // The time of a warm run of the point before, in milliseconds for each operation.
      let pace = 1000 / ceilings.flops;
      for (const value of values) {
        effort.check?.();
        say(`scaling: ${axis} ${value}`);
        const before = device.pool.memory().liveBytes;
        const work = await prepareStep(device, at(value), "train", "replayed");
        const held = device.pool.memory().liveBytes - before;
        const flops = work.flops!;
        prepared.push({ x: value, flops, peak: 0, dispatches: 0, work });
        if (pace * flops > LONGEST) {
          work.dispose();
          prepared.pop();
          skipped.push({ name: `${axis} ${value}`, reason: `about ${Math.round((pace * flops) / 1000)} s a step` });
          continue;
        }
        work.run();
        const { added, dispatches } = await usage(device, work);
        Object.assign(prepared.at(-1)!, { peak: held + added, dispatches });
        pace = (await timer.sample(() => work.run(), 1)).wall / flops;
      }
      // All points beside each other: a machine that is busy for a while must not bend the curve.
      const timings = await interleave(
        timer,
        prepared.map(({ work }) => work),
        effort,
      );
      const points = prepared.map(({ work: _, ...point }, i) => ({ ...point, time: timings[i]!.wall }));
      curves.push({ axis, scenario, points, skipped });
    } finally {
      for (const { work } of prepared) work.dispose();
      device.trim();
    }
  }
  return curves;
}
