import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterAll } from "vitest";
import type { Io } from "../../src/cli/io.ts";
import { runProgram } from "../../src/cli/program.ts";
import { encodePng } from "../../src/data/png.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

/** What a command line said, and its exit code. */
export interface Said {
  code: number;
  out: string;
  /** The lines on stderr. */
  err: string[];
}

/** Runs a command line inside this process, on the device that all tests share. */
export async function cli(...argv: string[]): Promise<Said> {
  return cliWith({}, ...argv);
}

/** The same with parts of its surroundings replaced. */
export async function cliWith(replaced: Partial<Io>, ...argv: string[]): Promise<Said> {
  const said: Said = { code: -1, out: "", err: [] };
  const io: Io = {
    out: (text) => {
      said.out += text;
    },
    say: (line) => said.err.push(line),
    stderr: new PassThrough(),
    signal: new AbortController().signal,
    openDevice: testDevice,
    argv,
    env: {},
    ...replaced,
  };
  said.code = await runProgram(io);
  return said;
}

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "onestage-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** How a small dataset is made. */
export interface SmallData {
  size?: number;
  /** Images of each class in each split. */
  splits?: Record<string, number>;
  classes?: string[];
  /** Whether pixels have classes instead of the images: the upper part the first class, the lower part the second. */
  labels?: boolean;
}

/** Writes a dataset folder of lists whose classes differ in colour and in depth, and returns its path. */
export function writeDataset(folder: string, options: SmallData = {}): string {
  const { size = 16, splits = { train: 6, val: 4 }, classes = ["near red", "far blue"], labels } = options;
  for (const part of labels ? ["rgb", "depth", "label"] : ["rgb", "depth"])
    mkdirSync(path.join(folder, part), { recursive: true });
  writeFileSync(path.join(folder, "classes.txt"), `${classes.join("\n")}\n`);
  for (const [split, count] of Object.entries(splits)) {
    const lines: string[] = [];
    for (const [target] of classes.entries()) {
      for (let i = 0; i < count; i++) {
        const name = `${split}-${target}-${i}`;
        writeImages(folder, name, size, target);
        if (labels) writeLabels(folder, name, size, i);
        lines.push(labels ? name : `${name} ${target}`);
      }
    }
    writeFileSync(path.join(folder, `${split}.txt`), `${lines.join("\n")}\n`);
  }
  return folder;
}

function writeLabels(folder: string, name: string, size: number, i: number): void {
  const data = new Uint8Array(size * size);
  data.fill(1, size * (1 + (i % (size - 1))));
  data[0] = 255;
  writeFileSync(path.join(folder, "label", `${name}.png`), encodePng({ width: size, height: size, data }));
}

function writeImages(folder: string, name: string, size: number, target: number): void {
  const rng = new Rng(7, name);
  const rgb = new Uint8Array(3 * size * size);
  const depth = new Uint16Array(size * size);
  for (let pixel = 0; pixel < size * size; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      rgb[3 * pixel + channel] = rng.int(120) + (channel === 2 * (target % 2) ? 100 : 0);
    }
    depth[pixel] = 800 + 1500 * target + rng.int(400);
  }
  writeFileSync(path.join(folder, "rgb", `${name}.png`), encodePng({ width: size, height: size, data: rgb }));
  writeFileSync(path.join(folder, "depth", `${name}.png`), encodePng({ width: size, height: size, data: depth }));
}
