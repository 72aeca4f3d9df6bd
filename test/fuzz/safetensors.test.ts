import { expect, it } from "vitest";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../../src/data/safetensors.ts";
import { fromTypedArray } from "../../src/data/typedArrays.ts";
import { safetensorsFile } from "../data/safetensorsFile.ts";
import { describeFuzz, fuzz, MUTANTS, mutate, randomIntegers } from "./mutate.ts";

const tensors: [string, SafeTensor][] = [
  ["conv.weight", fromTypedArray(new Float32Array(6), [2, 3, 1])],
  ["bn.count", fromTypedArray(BigInt64Array.of(3n), [])],
  ["__proto__", fromTypedArray(Uint8Array.of(1, 2, 3), [3])],
  ['é\\"\n', fromTypedArray(new Float32Array(0), [0, 2])],
];
const seeds = [
  serializeSafetensors(new Map()),
  serializeSafetensors(new Map(tensors.slice(0, 1))),
  serializeSafetensors(new Map(tensors), { format: "pt", "": "x" }),
];
const headers = seeds.map((bytes) => bytes.subarray(8, 8 + bytes[0] + 256 * bytes[1]));

/** Half of the mutants are damaged anywhere, half only in their header, whose stated length is then made right again. */
function mutants(seed: number): () => Uint8Array {
  const random = randomIntegers(seed);
  return () => {
    if (random(2) === 0) return mutate(seeds, random);
    return safetensorsFile(mutate(headers, random), new Uint8Array([0, 24, 35][random(3)]));
  };
}

/** What must hold of anything that is accepted: the tensors are where they are said to be, and fill the data. */
function check(bytes: Uint8Array): void {
  const parsed = parseSafetensors(bytes, "f");
  let total = 0;
  for (const { shape, data } of parsed.tensors.values()) {
    const elements = shape.reduce((product, size) => product * size, 1);
    expect(elements === 0 ? data.length === 0 : data.length % elements === 0 && data.length / elements <= 8).toBe(true);
    total += data.length;
  }
  const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  expect(header + total).toBe(bytes.length);
}

it(`safetensors: ${MUTANTS} mutants`, { timeout: 1e8 }, () => {
  const result = fuzz(MUTANTS, mutants(1), check);
  console.log(describeFuzz("safetensors", result));
  expect(result.foreign).toEqual([]);
  expect(result.slowestMs).toBeLessThan(1000);
  // A run in which nearly everything is refused for the same reason would try nothing.
  expect(result.accepted).toBeGreaterThan(MUTANTS / 200);
  expect(result.refused).toBeGreaterThan(MUTANTS / 2);
});

it("control: a reader that trusts its input fails within the first mutants", () => {
  const trusting = (bytes: Uint8Array) => {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    for (const { shape, data_offsets: offsets } of Object.values(header) as {
      shape: number[];
      data_offsets: number[];
    }[]) {
      shape.reduce((product, size) => product * size, offsets[0]);
    }
  };
  expect(fuzz(1000, mutants(1), trusting).foreign.length).toBeGreaterThan(100);
});
