// Says what an image shows, in Node: node predict.mjs net.safetensors photo.png (a file of `onestage export`, and a PNG or JPEG).
import { readFile } from "node:fs/promises";
import { GpuDevice, openNetwork } from "onestage/infer";
import { readRgb } from "onestage/node";

const [file, photo] = process.argv.slice(2);
const device = await GpuDevice.open();
const network = openNetwork(device, await readFile(file), file);
console.log(
  `${network.parameters} weights, sees ${network.sees.join(" and ")}, tells ${network.classes.length} classes apart`,
);

// An image of any size: its middle is cut to the network's proportions and resized.
const { probabilities, labels } = await network.predict({ rgb: await readRgb(photo) });
const shares =
  probabilities ?? network.classes.map((_, k) => labels.filter((label) => label === k).length / labels.length);
const ranked = [...shares].map((share, k) => [network.classes[k], share]).sort(([, a], [, b]) => b - a);
for (const [name, share] of ranked.slice(0, 3)) console.log(`${(100 * share).toFixed(1)} %  ${name}`);
network.dispose();
device.close();
