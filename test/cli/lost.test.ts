import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { GpuDevice } from "../../src/tensor/device.ts";
import { cli, cliWith, temporaryFolder } from "./harness.ts";

const folder = temporaryFolder();
const flags = "train --size 16 --scenes 32,16,16 --batch 8 --epochs 2 --methods rgb-only --out".split(" ");

/** Trains while each of the first `losses` devices is lost as soon as an epoch is done on it. */
async function trainLosing(losses: number, out: string) {
  const devices: GpuDevice[] = [];
  const err: string[] = [];
  const openDevice = async () => {
    devices.push(await GpuDevice.open());
    return devices.at(-1)!;
  };
  const say = (line: string) => {
    err.push(line);
    if (line.startsWith("stage") && devices.length <= losses) devices.at(-1)!.gpu.destroy();
  };
  const { code } = await cliWith({ openDevice, say }, ...flags, out);
  devices.at(-1)!.close();
  return { code, err, opened: devices.length };
}

it("a lost device is replaced, and the run ends the same", async () => {
  const whole = path.join(folder, "whole");
  const lost = path.join(folder, "lost");
  expect((await cli(...flags, whole)).code).toBe(0);
  const { code, err, opened } = await trainLosing(1, lost);
  expect(code, err.join("\n")).toBe(0);
  expect(opened).toBe(2);
  expect(
    err.filter((line) => /^warning: the GPU device was lost; going on from the last checkpoint/.test(line)),
  ).toHaveLength(1);
  const model = (run: string) => readFileSync(path.join(run, "model.safetensors"));
  expect(model(lost).equals(model(whole))).toBe(true);
});

it("devices that are lost again and again end the run with one line and exit code 2", async () => {
  const { code, err, opened } = await trainLosing(100, path.join(folder, "hopeless"));
  expect(code).toBe(2);
  expect(opened).toBe(4);
  expect(err.at(-1)).toMatch(/^WebGPU device: expected it to live, got it lost \(/);
});
