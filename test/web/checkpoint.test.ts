import { expect, it } from "vitest";
import { sceneCounts } from "../../src/run/settings.ts";
import { loadRun, type RunRecord, saveRun } from "../../web/worker/checkpoint.ts";
import { settingsOf } from "../../web/worker/choice.ts";
import type { Store } from "../../web/worker/store.ts";

/** A store that lasts as long as the test. */
function memory(): Store {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    place: "memory",
    read: async (name) => files.get(name) ?? null,
    write: async (name, bytes) => void files.set(name, bytes),
    clear: async () => files.clear(),
  };
}

const settings = settingsOf({
  ...{ task: "classify", method: "rgb-only", seed: 1, size: 16 },
  ...{ scenes: 16, validation: 8, epochs: 2, batch: 8, lr: 4e-3 },
});

async function saved(stored: object): Promise<RunRecord["settings"]> {
  const store = memory();
  await saveRun(store, { settings: stored } as RunRecord, new Map());
  return (await loadRun(store))!.record.settings;
}

it("opens a run as it was saved, its settings in their order", async () => {
  expect(JSON.stringify(await saved(settings))).toBe(JSON.stringify(settings));
  expect(sceneCounts(settings.scenes!)).toEqual({ train: 16, val: 8, test: 8 });
});

it("opens a run of a page that knew no optimisers and schedules, trained as it was", async () => {
  const { recipe, optimiser, weightDecay, clip, schedule, warmUp, startDivisor, endDivisor, ...rest } = settings;
  const { milestones, ...older } = rest;
  const opened = await saved({ ...older, lr: 0.1 });
  expect(opened).toEqual({ ...settings, lr: 0.1 });
  expect([recipe, optimiser, weightDecay, clip]).toEqual(["none", "adamw", 0.05, 5]);
  expect([schedule, warmUp, startDivisor, endDivisor, milestones]).toEqual([
    ...["one-cycle", 0.2, 10, 1000],
    "1/6,1/3,1/2",
  ]);
});
