import { readFileSync, writeSync } from "node:fs";
import { decode } from "fast-png";
import { decodeRgb8 } from "../../src/data/png.ts";

// Decodes one file in a process of its own, whose peak memory is therefore that decoder's: node bombs.mjs FILE guarded|bare
const [file, kind] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(file));
// One small image first, so that what is compiled and allocated once is not counted.
const small = readFileSync(process.argv[4]);
decodeRgb8(small, "small.png");
const before = process.resourceUsage().maxRSS;
const start = process.cpuUsage();
let outcome = "decoded";
try {
  if (kind === "guarded") decodeRgb8(bytes, "bomb.png");
  else decode(bytes);
} catch (error) {
  outcome = String(error);
}
const { user, system } = process.cpuUsage(start);
const growthMiB = (process.resourceUsage().maxRSS - before) / 1024;
writeSync(1, JSON.stringify({ outcome, cpuMs: (user + system) / 1000, growthMiB }));
