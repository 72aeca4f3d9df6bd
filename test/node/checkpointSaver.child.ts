import { writeSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "../../src/data/node/checkpoint.ts";
import { fromTypedArray } from "../../src/data/typedArrays.ts";

// Goes on from the newest checkpoint and saves one after another until it is killed:
// node saver.mjs FOLDER atomic|naive ELEMENTS. It prints the number of each step whose save has returned.
const [folder, kind, elements] = process.argv.slice(2);

function checkpointAt(step: number): Checkpoint {
  const weight = fromTypedArray(new Float32Array(Number(elements)).fill(step), [Number(elements)]);
  const momentum = fromTypedArray(new Float32Array(Number(elements)).fill(-step), [Number(elements)]);
  return {
    tensors: new Map([
      ["weight", weight],
      ["momentum", momentum],
    ]),
    state: { step, order: `epoch of ${step}` },
  };
}

async function saveForEver(step: number): Promise<void> {
  for (; ; step++) {
    await saveCheckpoint(folder, checkpointAt(step));
    writeSync(1, `${step}\n`);
  }
}

/** The control: the same bytes to the same disk, but written straight over the file that is there. */
async function overwriteForEver(): Promise<void> {
  const file = await saveCheckpoint(folder, checkpointAt(1));
  const bytes = await readFile(file);
  for (let count = 1; ; count++) {
    await writeFile(file, bytes);
    writeSync(1, `${count}\n`);
  }
}

try {
  if (kind === "naive") await overwriteForEver();
  else await saveForEver(((await loadCheckpoint(folder))?.state.step ?? 0) + 1);
} catch (error) {
  writeSync(2, String(error));
  process.exitCode = 2;
}
