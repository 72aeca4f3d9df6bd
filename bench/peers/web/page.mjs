// What every page does: its engine's work begins as the page loads, and is timed when the bench asks.
import { SIZE } from "./network.mjs";

const PIXELS = 3 * SIZE * SIZE;

/** The bytes of a file beside the pages. */
export async function fetchBytes(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: expected a file, got status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Every weight by name: { shape, data } in f32. */
export async function fetchWeights() {
  const [list, bytes] = await Promise.all([fetchBytes("/weights.json"), fetchBytes("/weights.bin")]);
  const all = new Float32Array(bytes.buffer);
  return new Map(
    JSON.parse(new TextDecoder().decode(list)).map(({ name, shape, offset, length }) => [
      name,
      { shape, data: all.subarray(offset, offset + length) },
    ]),
  );
}

/** The pictures, [64,64,3] bytes each, and the class of each. */
async function fetchPictures() {
  const [pixels, labels] = await Promise.all([fetchBytes("/pictures.bin"), fetchBytes("/labels.bin")]);
  return {
    pixels,
    labels,
    picture: (i) => pixels.subarray((i % labels.length) * PIXELS, ((i % labels.length) + 1) * PIXELS),
  };
}

/**
 * Opens an engine: `open(pictures)` gives `run(i)`, which does the work number i and gives numbers on the host. The first
 * `checked` results are kept to be compared; `measure(count, budget)` times so many more at most, and no more once they have
 * taken `budget` ms together. `first` is counted from the navigation.
 */
export function page(checked, open) {
  const ready = (async () => {
    const run = await open(fetchPictures());
    const outputs = [];
    let first = null;
    for (let i = 0; i < checked; i++) {
      outputs.push(...(await run(i)));
      first ??= performance.now();
    }
    return { run, first, outputs };
  })();
  // A failure is told when the bench asks.
  ready.catch(() => {});
  globalThis.measure = async ({ count, budget }) => {
    const { run, first, outputs } = await ready;
    const times = [];
    const end = performance.now() + budget;
    for (let i = 0; i < count && (i === 0 || performance.now() < end); i++) {
      const began = performance.now();
      await run(checked + i);
      times.push(performance.now() - began);
    }
    return { first, outputs, times };
  };
}
