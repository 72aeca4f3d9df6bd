import { describe, expect, it } from "vitest";
import { parseSafetensors, parseSafetensorsHeader } from "../../src/data/safetensors.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import { safetensorsFile } from "./safetensorsFile.ts";

interface Attack {
  readonly bytes: Uint8Array;
  /** What the message must say. */
  readonly says: RegExp;
}

const U8 = (begin: number, end: number, shape = `[${end - begin}]`) =>
  `{"dtype":"U8","shape":${shape},"data_offsets":[${begin},${end}]}`;
const file = (header: string, dataBytes = 0) => safetensorsFile(header, new Uint8Array(dataBytes));
const one = (entry: string, dataBytes = 0) => file(`{"w":${entry}}`, dataBytes);
const HUGE = "9007199254740991";

/** Every file is broken in one way that some reader somewhere has accepted, crashed on or allocated for. */
const attacks: Record<string, Attack> = {
  "empty file": { bytes: new Uint8Array(0), says: /at least 8 bytes, got 0 bytes/ },
  "seven bytes": { bytes: new Uint8Array(7), says: /at least 8 bytes, got 7 bytes/ },
  "length only": { bytes: new Uint8Array(8), says: /starts with "\{"/ },
  "length beyond the file": { bytes: safetensorsFile("{}", [], 3n), says: /header of 3 bytes, got only 2/ },
  "length of 2^64 - 1": { bytes: safetensorsFile("{}", [], 2n ** 64n - 1n), says: /at most 25000000 bytes/ },
  "length of 2^63": { bytes: safetensorsFile("{}", [], 2n ** 63n), says: /at most 25000000 bytes/ },
  "length of 2^53 + 1": { bytes: safetensorsFile("{}", [], 2n ** 53n + 1n), says: /at most 25000000 bytes/ },
  "length one above the cap": { bytes: safetensorsFile("{}", [], 25_000_001n), says: /at most 25000000 bytes/ },
  "length at the cap, file too small": { bytes: safetensorsFile("{}", [], 25_000_000n), says: /truncated/ },
  "length zero": { bytes: safetensorsFile("", [1, 2]), says: /starts with "\{"/ },
  "space before the brace": { bytes: file(" {}"), says: /starts with "\{"/ },
  "byte order mark": { bytes: file("\ufeff{}"), says: /starts with "\{"/ },
  "an array": { bytes: file("[]"), says: /starts with "\{"/ },
  "a zip file": { bytes: safetensorsFile("PK\x03\x04", [0]), says: /starts with "\{"/ },
  "only a brace": { bytes: file("{"), says: /the end of the header/ },
  "no closing brace": { bytes: file(`{"w":${U8(0, 0)}`), says: /'\}' .* got the end of the header/ },
  "two objects": { bytes: file("{}{}"), says: /the end of the header .* got "\{\}"/ },
  "text after the object": { bytes: file("{}\0"), says: /the end of the header/ },
  "trailing comma": { bytes: file(`{"w":${U8(0, 0)},}`), says: /'"'/ },
  "single quotes": { bytes: file("{'w':1}"), says: /'"'/ },
  comment: { bytes: file("{/**/}"), says: /'"'/ },
  "invalid UTF-8": { bytes: safetensorsFile(Uint8Array.of(0x7b, 0x22, 0xff, 0x22)), says: /in UTF-8/ },
  "overlong UTF-8": { bytes: safetensorsFile(Uint8Array.of(0x7b, 0x22, 0xc0, 0xaf, 0x22)), says: /in UTF-8/ },
  "half a surrogate pair": { bytes: file(`{"\\ud800":${U8(0, 0)}}`), says: /whole Unicode characters/ },
  "raw control character in a name": { bytes: file(`{"a\nb":${U8(0, 0)}}`), says: /a valid string/ },
  "unknown escape": { bytes: file(`{"\\x41":${U8(0, 0)}}`), says: /a valid string/ },
  "name without an end": { bytes: file('{"w\\"'), says: /a closing quote/ },
  "tensor twice": { bytes: file(`{"w":${U8(0, 1)},"w":${U8(0, 1)}}`, 1), says: /each tensor name once, not "w" again/ },
  "tensor twice, one escaped": { bytes: file(`{"w":${U8(0, 1)},"\\u0077":${U8(0, 1)}}`, 1), says: /not "w" again/ },
  "__proto__ twice": { bytes: file(`{"__proto__":${U8(0, 0)},"__proto__":${U8(0, 0)}}`), says: /"__proto__" again/ },
  "metadata twice": { bytes: file('{"__metadata__":{},"__metadata__":{}}'), says: /__metadata__ once/ },
  "metadata key twice": { bytes: file('{"__metadata__":{"a":"1","a":"2"}}'), says: /"a" again/ },
  "metadata __proto__ twice": { bytes: file('{"__metadata__":{"__proto__":"1","__proto__":"2"}}'), says: /again/ },
  "metadata number": { bytes: file('{"__metadata__":{"a":1}}'), says: /'"'/ },
  "metadata object": { bytes: file('{"__metadata__":{"a":{}}}'), says: /'"'/ },
  "metadata null": { bytes: file('{"__metadata__":null}'), says: /'\{'/ },
  "dtype twice": { bytes: one('{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}'), says: /once each/ },
  "offsets twice": { bytes: one('{"dtype":"U8","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}'), says: /once/ },
  "unknown key": { bytes: one('{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}'), says: /once each .* not "x"/ },
  "no dtype": { bytes: one('{"shape":[0],"data_offsets":[0,0]}'), says: /an incomplete entry/ },
  "no shape": { bytes: one('{"dtype":"U8","data_offsets":[0,0]}'), says: /an incomplete entry/ },
  "no offsets": { bytes: one('{"dtype":"U8","shape":[0]}'), says: /an incomplete entry/ },
  "entry is null": { bytes: one("null"), says: /'\{'/ },
  "entry is a list": { bytes: one("[]"), says: /'\{'/ },
  "unknown dtype": {
    bytes: one('{"dtype":"F128","shape":[0],"data_offsets":[0,0]}'),
    says: /one of BOOL,.*got "F128"/,
  },
  "dtype toString": { bytes: one('{"dtype":"toString","shape":[0],"data_offsets":[0,0]}'), says: /got "toString"/ },
  "dtype __proto__": { bytes: one('{"dtype":"__proto__","shape":[0],"data_offsets":[0,0]}'), says: /got "__proto__"/ },
  "dtype in lower case": { bytes: one('{"dtype":"u8","shape":[0],"data_offsets":[0,0]}'), says: /got "u8"/ },
  "one offset": { bytes: one('{"dtype":"U8","shape":[0],"data_offsets":[0]}'), says: /two data_offsets/ },
  "three offsets": { bytes: one('{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}'), says: /at most 2 numbers/ },
  "negative offset": { bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}'), says: /a whole number/ },
  "fractional offset": { bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}', 1), says: /'\]'/ },
  "offset with exponent": { bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[0,1e0]}', 1), says: /'\]'/ },
  "offset as text": { bytes: one('{"dtype":"U8","shape":[1],"data_offsets":["0",1]}', 1), says: /a whole number/ },
  "offset with leading zero": {
    bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[0,01]}', 1),
    says: /a whole number/,
  },
  "offset 2^53": {
    bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[0,9007199254740992]}', 1),
    says: /whole number/,
  },
  "offset 2^64": {
    bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}'),
    says: /whole number/,
  },
  "offsets swapped": {
    bytes: one('{"dtype":"U8","shape":[1],"data_offsets":[1,0]}', 1),
    says: /1 bytes .* offsets 1, 0/,
  },
  "offset beyond the file": { bytes: one(U8(0, 100), 4), says: /bytes as its header says/ },
  "offset at the edge of 2^53": { bytes: one(U8(0, Number(HUGE), `[${HUGE}]`), 1), says: /as its header says/ },
  "shape smaller than the data": { bytes: one(U8(0, 4, "[3]"), 4), says: /3 bytes in "w"/ },
  "shape larger than the data": { bytes: one(U8(0, 4, "[5]"), 4), says: /5 bytes in "w"/ },
  "shape of a wider dtype": {
    bytes: one('{"dtype":"F32","shape":[4],"data_offsets":[0,4]}', 4),
    says: /16 bytes in "w"/,
  },
  "negative dimension": { bytes: one(U8(0, 0, "[-1]")), says: /a whole number/ },
  "two negative dimensions": { bytes: one(U8(0, 4, "[-2,-2]"), 4), says: /a whole number/ },
  "dimensions overflow 2^53": { bytes: one(U8(0, 0, `[${HUGE},${HUGE}]`)), says: /fewer than 2\^53 bytes/ },
  "dimensions overflow 2^64 to 0": { bytes: one(U8(0, 0, "[4294967296,4294967296]")), says: /fewer than 2\^53 bytes/ },
  "overflow hidden by a later 0": { bytes: one(U8(0, 0, `[${HUGE},${HUGE},0]`)), says: /fewer than 2\^53 bytes/ },
  "overflow by element size": {
    bytes: one(`{"dtype":"F64","shape":[${HUGE}],"data_offsets":[0,0]}`),
    says: /fewer than 2\^53 bytes/,
  },
  "rank 65": { bytes: one(U8(0, 1, `[${Array(65).fill(1)}]`), 1), says: /at most 64 numbers/ },
  "shape is a number": { bytes: one(U8(0, 1, "1"), 1), says: /'\['/ },
  "shape is an object": { bytes: one(U8(0, 1, "{}"), 1), says: /'\['/ },
  "nested shape": { bytes: one(U8(0, 1, "[[1]]"), 1), says: /a whole number/ },
  "shape with true": { bytes: one(U8(0, 1, "[true]"), 1), says: /a whole number/ },
  "a hole at the start": { bytes: one(U8(1, 2), 2), says: /data byte 0, got a hole: 1/ },
  "a hole between": { bytes: file(`{"a":${U8(0, 1)},"b":${U8(2, 3)}}`, 3), says: /data byte 1, got a hole: 2/ },
  "a hole at the end": { bytes: one(U8(0, 1), 2), says: /bytes as its header says/ },
  "data without a tensor": { bytes: file("{}", 5), says: /10 bytes as its header says, got 15 bytes/ },
  "two tensors overlap": { bytes: file(`{"a":${U8(0, 2)},"b":${U8(1, 3)}}`, 3), says: /got an overlap: 1/ },
  "two tensors share their bytes": { bytes: file(`{"a":${U8(0, 2)},"b":${U8(0, 2)}}`, 2), says: /got an overlap: 0/ },
  "an empty tensor inside another": { bytes: file(`{"a":${U8(0, 2)},"b":${U8(1, 1)}}`, 2), says: /an overlap: 1/ },
  "an empty tensor past the end": { bytes: file(`{"a":${U8(0, 1)},"b":${U8(9, 9)}}`, 1), says: /a hole: 9/ },
  "deep objects": { bytes: file(`{"w":${'{"a":'.repeat(200_000)}`), says: /once each/ },
  "deep lists": { bytes: file(`{"w":{"shape":${"[".repeat(1_000_000)}`), says: /a whole number/ },
  "deep metadata": { bytes: file(`{"__metadata__":${'{"a":'.repeat(200_000)}`), says: /'"'/ },
  "a name of 10 MB": { bytes: file(`{"${"a".repeat(1e7)}":{"dtype":"U8"}}`), says: /^f: .{0,200}$/ },
  "10 MB of backslashes": { bytes: file(`{"${"\\\\".repeat(5e6)}":1}`), says: /'\{'/ },
  "10 MB of escaped quotes": { bytes: file(`{"${'\\"'.repeat(5e6)}`), says: /a closing quote/ },
  "10 MB of digits": { bytes: one(U8(0, 1, `[${"9".repeat(1e7)}]`)), says: /a whole number/ },
  "10 MB of spaces": { bytes: file(`{${" ".repeat(1e7)}`), says: /the end of the header/ },
  "100,001 tensors": {
    bytes: file(`{${Array.from({ length: 100_001 }, (_, i) => `"${i}":${U8(0, 0)}`)}}`),
    says: /at most 100000 keys/,
  },
};

describe(`safetensors: ${Object.keys(attacks).length} hand-made attacks`, () => {
  it("has at least the promised 40", () => {
    expect(Object.keys(attacks).length).toBeGreaterThanOrEqual(40);
  });

  it.each(Object.entries(attacks))("%s", (_, { bytes, says }) => {
    // Processor time, so that other processes on the machine do not count.
    const start = process.cpuUsage();
    let error: unknown;
    try {
      parseSafetensors(bytes, "f");
    } catch (thrown) {
      error = thrown;
    }
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(1000);
    expect(error).toBeInstanceOf(FormatError);
    const { message } = error as FormatError;
    expect(message).toMatch(says);
    expect(message.startsWith("f: expected ")).toBe(true);
    expect(message.length).toBeLessThan(400);
  });

  it("a header cut short of what it states", () => {
    const bytes = file(`{"w":${U8(0, 1)}}`, 1);
    expect(() => parseSafetensorsHeader(bytes.subarray(0, 20), bytes.length, "f")).toThrow(
      /bytes that hold the header/,
    );
  });

  it("control: the same files, made whole, are accepted", () => {
    const whole = [
      file("{}"),
      file("{ } \n\t\r"),
      one(U8(0, 4, "[2,2]"), 4),
      one(U8(0, 0, `[0,${HUGE}]`)),
      file(`{"a":${U8(0, 1)},"b":${U8(1, 1)},"c":${U8(1, 3)}}`, 3),
      file(`{"\\u0077\\ud83d\\ude00":${U8(0, 1)}}`, 1),
      file('{"__metadata__":{"a":"1"}}'),
      one(U8(0, 1, `[${Array(64).fill(1)}]`), 1),
    ];
    for (const bytes of whole) expect(() => parseSafetensors(bytes, "f")).not.toThrow();
  });
});
