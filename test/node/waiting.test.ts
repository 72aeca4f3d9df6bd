import { expect, it } from "vitest";
import { waitResting } from "../../src/tensor/gpu.node.ts";

const after = <T>(milliseconds: number, done: () => T) =>
  new Promise<T>((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(done());
      } catch (error) {
        reject(error);
      }
    }, milliseconds);
  });

it("gives what was promised, after a rest that leaves the processor to others", async () => {
  const before = process.cpuUsage();
  const began = performance.now();
  expect(
    await waitResting(
      after(1000, () => 7),
      2,
    ),
  ).toBe(7);
  const { user, system } = process.cpuUsage(before);
  const took = performance.now() - began;
  expect(took).toBeGreaterThan(990);
  // Without a rest this thread would be busy all the time.
  expect((user + system) / 1000).toBeLessThan(0.5 * took);
});

it("fails as what was promised fails", async () => {
  const failing = after(20, () => {
    throw new Error("lost");
  });
  await expect(waitResting(failing, 1)).rejects.toThrow("lost");
  await expect(waitResting(Promise.reject(new Error("at once")), 1)).rejects.toThrow("at once");
});

it("lets everything else have its turn meanwhile", async () => {
  let turns = 0;
  let timer: NodeJS.Timeout;
  // Kept only if timers run while it is waited for.
  const promised = new Promise<number>((resolve) => {
    timer = setInterval(() => {
      if (++turns === 20) resolve(turns);
    }, 5);
  });
  expect(await waitResting(promised, 2)).toBe(20);
  clearInterval(timer!);
});
