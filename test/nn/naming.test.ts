import { expect, it } from "vitest";
import { BasicBlock } from "../../src/model/blocks.ts";
import { BatchNorm } from "../../src/nn/layers.ts";
import { Init, inference, Module } from "../../src/nn/module.ts";
import { nameLayers } from "../../src/nn/naming.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Program } from "../../src/tensor/program.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

class Twice extends Module {
  readonly blocks: BasicBlock[];
  readonly lastNorm: BatchNorm;

  constructor(init: Init) {
    super();
    this.blocks = [0, 1].map((i) => new BasicBlock(init.at(i), 4, 4, 1));
    this.lastNorm = new BatchNorm(init, 4);
  }
}

/** Layers of the kernels that a forward pass runs, each once, in order. */
function layersOf(device: GpuDevice, network: Twice): string[] {
  const x = device.upload(new Float32Array(64), [1, 4, 4, 4]).keep();
  const program = Program.record(device, () => {
    let y = x;
    for (const block of network.blocks) y = block.forward(y, inference);
    return network.lastNorm.forward(y, inference);
  });
  const layers = program.commands.map((command) => ("dispatch" in command ? command.dispatch.origin!.layer : ""));
  program.dispose();
  x.dispose();
  return [...new Set(layers)];
}

it("modules know their parts by path", async () => {
  const network = new Twice(new Init(await testDevice(), new Rng(1)));
  expect([...network.modules().keys()]).toEqual([
    ...[0, 1].flatMap((i) => ["", ".conv1", ".bn1", ".conv2", ".bn2"].map((part) => `blocks.${i}${part}`)),
    "last_norm",
  ]);
  network.dispose();
});

it("what is recorded meanwhile is listed under its layer, and nothing stays behind", async () => {
  const device = await testDevice();
  const network = new Twice(new Init(device, new Rng(1)));
  const names = [...network.state().keys()];
  const end = nameLayers(new Map([["net", network]]));
  expect([...network.state().keys()]).toEqual(names);
  const layers = layersOf(device, network);
  for (const layer of ["net.blocks.0.conv1", "net.blocks.0.bn2", "net.blocks.1.conv2", "net.last_norm"]) {
    expect(layers).toContain(layer);
  }
  expect(layers).not.toContain("");
  end();
  expect(layersOf(device, network)).toEqual([""]);
  expect(Object.hasOwn(network.lastNorm, "forward")).toBe(false);
  network.dispose();
});
