import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readWeights } from "../../src/cli/weights.ts";
import { type SafeTensor, serializeSafetensors } from "../../src/data/safetensors.ts";
import { encoderConfig } from "../../src/model/encoder.ts";
import { torchvisionShapes } from "../model/torchvision.ts";
import { cli, temporaryFolder } from "./harness.ts";

const folder = temporaryFolder();

/** A file of zeros as torchvision's model has them, kept as bf16; the counters are I64 as PyTorch has them. */
function resnet18(): Map<string, SafeTensor> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, shape] of torchvisionShapes(encoderConfig("resnet18"), 1000)) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const counter = name.endsWith("num_batches_tracked");
    const data = new Uint8Array((counter ? 8 : 2) * size);
    tensors.set(name, { dtype: counter ? "I64" : "BF16", shape, data });
  }
  return tensors;
}

function write(name: string, tensors: ReadonlyMap<string, SafeTensor>): string {
  const file = path.join(folder, name);
  writeFileSync(file, serializeSafetensors(tensors));
  return file;
}

describe("weights", () => {
  const file = write("resnet18.safetensors", resnet18());

  it("finds the encoder that a file is for", async () => {
    const said = await cli("weights", file);
    expect(said).toMatchObject({ code: 0, err: [] });
    expect(said.out).toContain("resnet18.safetensors: 122 tensors, 11.7 M numbers, I64 and BF16");
    expect(said.out).toMatch(/encoder +resnet18 on rgb\nmatched +100 of 100 tensors\nmissing +0\n/);
    expect(said.out).toMatch(/not needed +22 .*\nIt fits\.\n$/);
  });

  it("says what happens to the stem of a depth encoder, as JSON too", async () => {
    const said = await cli("weights", file, "--model", "resnet18", "--modality", "depth");
    expect(said.out).toMatch(/matched +100 of 100 tensors\n {2}conv1\.weight: summed over the colours\n/);
    const json = await cli("weights", file, "--modality", "depth", "--json");
    expect(JSON.parse(json.out)).toMatchObject({
      model: "resnet18",
      fits: true,
      summed: ["conv1.weight"],
      tensors: 122,
    });
  });

  it("lists what is wrong and ends with code 2 where it does not fit", async () => {
    const tensors = resnet18();
    tensors.delete("layer4.1.bn2.bias");
    tensors.set("extra.weight", { dtype: "F32", shape: [1], data: new Uint8Array(4) });
    tensors.set("bn1.bias", { dtype: "F32", shape: [65], data: new Uint8Array(4 * 65) });
    const broken = write("broken.safetensors", tensors);
    const said = await cli("weights", broken);
    expect(said.code).toBe(2);
    expect(said.out).toMatch(/missing +1\n {2}layer4\.1\.bn2\.bias\n/);
    expect(said.out).toMatch(/other shape +1\n {2}bn1\.bias: \[65\], expected \[64\]\n/);
    expect(said.out).toMatch(/left over +1\n {2}extra\.weight\n/);
    expect(said.err).toEqual([
      `${broken}: expected weights of a resnet18 encoder, got 1 missing (layer4.1.bn2.bias), ` +
        "1 of another shape (bn1.bias [65] for [64]), 1 left over (extra.weight)",
    ]);
    const other = await cli("weights", file, "--model", "resnet50", "--json");
    expect(other.code).toBe(2);
    expect(JSON.parse(other.out)).toMatchObject({ model: "resnet50", fits: false });
  });

  it("looks below a prefix", async () => {
    const below = new Map([...resnet18()].map(([name, tensor]) => [`encoder.${name}`, tensor]));
    below.set("decoder.weight", { dtype: "F32", shape: [1], data: new Uint8Array(4) });
    const prefixed = write("prefixed.safetensors", below);
    expect((await cli("weights", prefixed)).code).toBe(2);
    expect((await cli("weights", prefixed, "--prefix", "encoder.")).code).toBe(0);
    expect((await readWeights(prefixed, "encoder.")).get("fc.bias")).toEqual({
      ...{ shape: [1000], data: new Float32Array(1000) },
    });
    expect(await cli("weights", prefixed, "--prefix", "net.")).toMatchObject({
      code: 2,
      err: [`${prefixed}: expected tensors whose names begin with net., got none`],
    });
  });

  it("refuses unknown encoders and files that are none", async () => {
    expect((await cli("weights", file, "--model", "vgg")).code).toBe(2);
    expect((await cli("weights", path.join(folder, "absent.safetensors"))).err[0]).toContain("cannot read");
    const text = path.join(folder, "text.safetensors");
    writeFileSync(text, "not tensors at all");
    expect((await cli("weights", text)).code).toBe(2);
  });
});
