import { expect, it } from "vitest";
import { toFloat32 } from "../../src/data/floats.ts";
import type { SafetensorsDtype } from "../../src/data/safetensors.ts";

const floats = (dtype: SafetensorsDtype, bytes: ArrayBufferView, count: number) =>
  toFloat32({ dtype, shape: [count], data: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) }, "made");

it("f16: by its definition", () => {
  const half = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x8400, 0x7c00, 0x0000);
  const expected = [1, -2, 1365 / 4096, 65504, 2 ** -24, -(2 ** -14), Infinity, 0];
  expect([...floats("F16", half, 8)]).toEqual(expected);
  expect(floats("F16", Uint16Array.of(0x7e01), 1)[0]).toBeNaN();
});

it("bf16: the upper half of f32", () => {
  const values = Float32Array.of(1, -2.5, 3.140625, 1e-30, -0);
  const upper = new Uint16Array(new Uint32Array(values.buffer).map((bits) => bits >>> 16));
  const got = floats("BF16", upper, 5);
  expect([...got.slice(0, 3)]).toEqual([1, -2.5, 3.140625]);
  expect(Math.abs(got[3]! / 1e-30 - 1)).toBeLessThan(2 ** -7);
  expect(Object.is(got[4], -0)).toBe(true);
});

it("f32 as it is, f64 rounded, whole numbers too", () => {
  const own = Float32Array.of(0.1, -7);
  expect(floats("F32", own, 2)).toEqual(own);
  expect([...floats("F64", Float64Array.of(0.1, 1e300), 2)]).toEqual([Math.fround(0.1), Infinity]);
  expect([...floats("I64", BigInt64Array.of(3n, -4n), 2)]).toEqual([3, -4]);
});

it("what lies at an odd place in a file is read all the same", () => {
  const bytes = new Uint8Array(5);
  bytes.set([0x00, 0x3c, 0x00, 0xc0], 1);
  expect([...toFloat32({ dtype: "F16", shape: [2], data: bytes.subarray(1) }, "made")]).toEqual([1, -2]);
});

it("refuses what are no such numbers", () => {
  expect(() => floats("F8_E4M3", Uint8Array.of(1), 1)).toThrow("made: expected a dtype out of");
  expect(() => floats("BOOL", Uint8Array.of(1), 1)).toThrow("got BOOL");
});
