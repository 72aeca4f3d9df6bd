import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseSafetensors,
  parseSafetensorsHeader,
  type SafeTensor,
  type SafetensorsDtype,
  safetensorsHeaderLength,
  serializeSafetensors,
} from "../../src/data/safetensors.ts";
import { fromTypedArray, toTypedArray } from "../../src/data/typedArrays.ts";
import { FormatError, ShapeError } from "../../src/tensor/errors.ts";
import { safetensorsFile } from "./safetensorsFile.ts";

const weights = fromTypedArray(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
const mask = fromTypedArray(Uint8Array.of(7, 8, 9), [3]);

describe("safetensors", () => {
  it("reads a file written by hand, byte for byte as the format describes it", () => {
    const header =
      '{"b":{"dtype":"I16","shape":[2],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}';
    const { metadata, tensors } = parseSafetensors(safetensorsFile(header, [0, 0, 128, 63, 1, 0, 255, 255]), "f");
    expect([...tensors.keys()]).toEqual(["a", "b"]);
    expect(toTypedArray(tensors.get("a")!, "f")).toEqual(Float32Array.of(1));
    expect(toTypedArray(tensors.get("b")!, "f")).toEqual(Int16Array.of(1, -1));
    expect(Object.keys(metadata)).toEqual([]);
  });

  it("writes the layout that the format describes", () => {
    const bytes = serializeSafetensors(new Map([["w", mask]]), { k: "v" });
    const header = '{"__metadata__":{"k":"v"},"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}';
    const padded = Math.ceil(header.length / 8) * 8;
    expect(bytes.slice(0, 8)).toEqual(Uint8Array.of(padded, 0, 0, 0, 0, 0, 0, 0));
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded))).toBe(header.padEnd(padded, " "));
    expect(bytes.slice(8 + padded)).toEqual(Uint8Array.of(7, 8, 9));
  });

  it("gives the same bytes whatever the order of tensors and metadata", () => {
    const one = serializeSafetensors(
      new Map([
        ["a", weights],
        ["b", mask],
        ["c", weights],
      ]),
      { x: "1", y: "2" },
    );
    const two = serializeSafetensors(
      new Map([
        ["c", weights],
        ["b", mask],
        ["a", weights],
      ]),
      { y: "2", x: "1" },
    );
    expect(two).toEqual(one);
  });

  it("aligns every tensor to its element size, so that reading makes views", () => {
    const wide = fromTypedArray(Float64Array.of(1, 2), [2]);
    const bytes = serializeSafetensors(
      new Map([
        ["a", mask],
        ["b", weights],
        ["c", wide],
        ["d", mask],
      ]),
    );
    const { tensors } = parseSafetensors(bytes, "f");
    for (const tensor of tensors.values()) expect(toTypedArray(tensor, "f").buffer).toBe(bytes.buffer);
    expect(toTypedArray(tensors.get("c")!, "f")).toEqual(Float64Array.of(1, 2));
  });

  it("copies what is not aligned, also out of a Node buffer", () => {
    const header =
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}';
    const { tensors } = parseSafetensors(Buffer.from(safetensorsFile(header, [9, 0, 0, 0, 64])), "f");
    expect(toTypedArray(tensors.get("b")!, "f")).toEqual(Float32Array.of(2));
  });

  it("lets a reader fetch the header first and single tensors later", () => {
    const bytes = serializeSafetensors(
      new Map([
        ["a", mask],
        ["b", weights],
      ]),
    );
    const length = safetensorsHeaderLength(bytes.subarray(0, 8), bytes.length, "f");
    const { tensors } = parseSafetensorsHeader(bytes.subarray(0, 8 + length), bytes.length, "f");
    const { begin, end, shape } = tensors.get("b")!;
    expect(shape).toEqual([2, 3]);
    expect(new Float32Array(bytes.slice(begin, end).buffer)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
  });

  it("keeps an empty file, an empty tensor and a scalar", () => {
    expect(parseSafetensors(serializeSafetensors(new Map()), "f").tensors.size).toBe(0);
    const empty = fromTypedArray(new Float32Array(0), [0, 5]);
    const scalar = fromTypedArray(Float32Array.of(3), []);
    const { tensors } = parseSafetensors(
      serializeSafetensors(
        new Map([
          ["e", empty],
          ["s", scalar],
        ]),
      ),
      "f",
    );
    expect(tensors.get("e")).toMatchObject({ shape: [0, 5] });
    expect(toTypedArray(tensors.get("s")!, "f")).toEqual(Float32Array.of(3));
  });

  it('treats "__proto__" and "constructor" as names like any other', () => {
    const metadata = JSON.parse('{"__proto__":"m","constructor":"c"}');
    const bytes = serializeSafetensors(
      new Map([
        ["__proto__", mask],
        ["constructor", mask],
      ]),
      metadata,
    );
    const parsed = parseSafetensors(bytes, "f");
    expect([...parsed.tensors.keys()].sort()).toEqual(["__proto__", "constructor"]);
    expect(Object.entries(parsed.metadata)).toEqual([
      ["__proto__", "m"],
      ["constructor", "c"],
    ]);
    expect(Object.getPrototypeOf(parsed.metadata)).toBeNull();
    expect(({} as Record<string, unknown>).m).toBeUndefined();
  });

  it("refuses to write what it could not read back", () => {
    const short: SafeTensor = { dtype: "F32", shape: [2], data: new Uint8Array(7) };
    expect(() => serializeSafetensors(new Map([["a", short]]))).toThrow(ShapeError);
    expect(() => serializeSafetensors(new Map([["__metadata__", mask]]))).toThrow(ShapeError);
    expect(() => fromTypedArray([1, 2] as unknown as Uint8Array, [2])).toThrow(ShapeError);
  });

  it("says which dtypes have no JavaScript array", () => {
    expect(() => toTypedArray({ dtype: "BF16", shape: [1], data: new Uint8Array(2) }, "w.safetensors")).toThrow(
      /^w\.safetensors: expected a dtype out of U8,.*, got BF16$/,
    );
  });

  const names = fc.oneof(fc.string({ unit: "grapheme", maxLength: 12 }), fc.constantFrom("__proto__", "", "toString"));
  const bytesOf: Partial<Record<SafetensorsDtype, number>> = { U8: 1, BOOL: 1, BF16: 2, F32: 4, I64: 8, F64: 8 };
  const tensor = fc
    .tuple(fc.constantFrom(...(Object.keys(bytesOf) as SafetensorsDtype[])), fc.array(fc.nat(4), { maxLength: 4 }))
    .chain(([dtype, shape]) => {
      const size = shape.reduce((product, n) => product * n, bytesOf[dtype]!);
      const data = fc.uint8Array({ minLength: size, maxLength: size });
      return data.map((values): SafeTensor => ({ dtype, shape, data: values }));
    });
  const files = fc.tuple(
    fc.uniqueArray(fc.tuple(names, tensor), { selector: ([name]) => name, maxLength: 6 }),
    fc.uniqueArray(fc.tuple(names, fc.string({ unit: "grapheme" })), { selector: ([name]) => name, maxLength: 4 }),
  );

  it("reads back whatever it wrote (property)", () => {
    fc.assert(
      fc.property(files, ([entries, pairs]) => {
        const metadata = Object.create(null);
        for (const [key, value] of pairs) metadata[key] = value;
        const bytes = serializeSafetensors(new Map(entries), metadata);
        const parsed = parseSafetensors(bytes, "f");
        expect(parsed.tensors.size).toBe(entries.length);
        for (const [name, { dtype, shape, data }] of entries) {
          expect(parsed.tensors.get(name)).toEqual({ dtype, shape, data });
        }
        expect(Object.entries(parsed.metadata).sort()).toEqual(pairs.map(([k, v]) => [k, v]).sort());
        expect(serializeSafetensors(parsed.tensors, parsed.metadata)).toEqual(bytes);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("refuses every proper prefix of a file, and any byte appended (property)", () => {
    fc.assert(
      fc.property(files, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), ([entries], cut) => {
        const bytes = serializeSafetensors(new Map(entries));
        const prefix = bytes.subarray(0, Math.floor(bytes.length * cut));
        expect(() => parseSafetensors(prefix, "f")).toThrow(FormatError);
        expect(() => parseSafetensors(Uint8Array.of(...bytes, 0), "f")).toThrow(FormatError);
      }),
      { numRuns: 300, seed: 2 },
    );
  });
});
