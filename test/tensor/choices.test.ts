import { afterEach, beforeAll, describe, expect, it } from "vitest";
import "../../src/kernels/index.ts";
import {
  adapterKey,
  type KernelChoices,
  kernelChoices,
  readChoices,
  unknownChoices,
  useChoices,
} from "../../src/tensor/choices.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import { testDevice } from "../device.ts";

let device: GpuDevice;
let kernels: KernelChoices;
beforeAll(async () => {
  device = await testDevice();
  kernels = {
    adapter: adapterKey(device),
    choices: { "conv2d n=1": "tiled", "conv2d n=2": "registers" },
    pins: { matmul: "registers" },
  };
});
afterEach(() => useChoices(device, null));

describe("kernel choices", () => {
  it("come back from JSON as they were, in the order of their names", () => {
    device.choices.set("conv2d n=2", "registers");
    device.choices.set("conv2d n=1", "tiled");
    device.pinned.set("matmul", "registers");
    const exported = kernelChoices(device);
    expect(JSON.stringify(exported)).toBe(JSON.stringify(kernels));
    useChoices(device, null);
    expect([device.choices.size, device.pinned.size]).toEqual([0, 0]);
    useChoices(device, readChoices(JSON.parse(JSON.stringify(exported)), "text"));
    expect(kernelChoices(device)).toEqual(kernels);
  });

  it("take the place of all before, and are left out on another adapter", () => {
    device.choices.set("conv2d n=3", "tiled");
    useChoices(device, { ...kernels, choices: {} });
    expect([...device.choices]).toEqual([]);
    expect([...device.pinned]).toEqual([["matmul", "registers"]]);
    useChoices(device, { ...kernels, adapter: "another" });
    expect([device.choices.size, device.pinned.size]).toEqual([0, 0]);
  });

  it("are left out where their variant does not exist, also by an inherited name", () => {
    const odd = JSON.parse(
      '{"choices":{"conv2d n=1":"tiled","conv2d n=2":"magic","nothing n=1":"tiled","matmul n=1":"toString","__proto__":"tiled"},"pins":{"matmul":"magic"}}',
    );
    const read = readChoices({ adapter: kernels.adapter, ...odd }, "text");
    expect(unknownChoices(read).sort()).toEqual(["__proto__", "conv2d n=2", "matmul", "matmul n=1", "nothing n=1"]);
    useChoices(device, read);
    expect([...device.choices]).toEqual([["conv2d n=1", "tiled"]]);
    expect([...device.pinned]).toEqual([]);
  });

  it.each([
    [null, "file: expected an object, got null"],
    [[], "file: expected an object, got []"],
    [{}, "file: adapter: expected a text, got nothing"],
    [{ adapter: "a", choices: [] }, "file: choices: expected an object, got []"],
    [{ adapter: "a", choices: { "conv2d n=1": 3 } }, "file: choices: conv2d n=1: expected a text, got 3"],
    [{ adapter: "a", choices: {}, pins: "x" }, 'file: pins: expected an object, got "x"'],
  ])("are refused as %j", (json, message) => {
    expect(() => readChoices(json, "file")).toThrow(FormatError);
    expect(() => readChoices(json, "file")).toThrow(message);
  });
});
