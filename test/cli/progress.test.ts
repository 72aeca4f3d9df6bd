import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import type { Io } from "../../src/cli/io.ts";
import { Progress } from "../../src/cli/progress.ts";
import { emptySums } from "../../src/model/session.ts";

it.each([1, 16])("the time left is that of the steps left where %d come at once", (burst) => {
  const said: string[] = [];
  const io = { stderr: new PassThrough(), say: (line: string) => said.push(line) } as unknown as Io;
  const progress = new Progress(io, [{ name: "rgb-only", epochs: 2, needs: {} }], 160);
  progress.begin(0, 0);
  // A tenth of a second a step.
  for (let done = burst; done <= 160; done += burst) progress.step(done, burst, emptySums(), burst / 10);
  progress.epoch({ epoch: 1, losses: { total: 1 }, trainTop1: 0.5, samplesPerSecond: 1 } as never);
  expect(said).toEqual([expect.stringMatching(/ \| 16 s left$/)]);
});
