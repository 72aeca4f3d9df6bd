import { encodePng } from "../../src/data/png.ts";
import { openNetwork } from "../../src/infer/index.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { sha256 } from "../data/packedFixture.ts";
import { picture, readPicture } from "./data.ts";

/** What a saved network says of one picture. */
export interface Said {
  /** Exact, of each class of the image; null where pixels are classified. */
  probabilities: number[] | null;
  /** Number of different pixel classes, and the SHA-256 of all of them; null where images are classified. */
  labels: { different: number; sha256: string } | null;
  /** SHA-256 of the restored map, where there is one. */
  restored: string | null;
  /** SHA-256 of the pixels that it was shown. */
  shown: string;
}

/** Opens saved networks and shows each the picture in three sizes: as it is, larger and in its own. */
export async function predictions(
  device: GpuDevice,
  networks: Record<string, Uint8Array>,
): Promise<Record<string, Said>> {
  const png = encodePng(picture());
  const found: Record<string, Said> = {};
  for (const [name, bytes] of Object.entries(networks)) {
    const network = openNetwork(device, bytes, name);
    const { width, height } = network.facts;
    for (const size of [undefined, { width: 211, height: 97 }, { width, height }]) {
      const rgb = await readPicture(png, size);
      const { probabilities, labels, restored } = await network.predict({ rgb }, { restored: true });
      found[`${name}, ${rgb.width}x${rgb.height}`] = {
        probabilities: probabilities && [...probabilities],
        labels: labels && { different: new Set(labels).size, sha256: await sha256(labels) },
        restored: restored && (await sha256(restored.data)),
        shown: await sha256(rgb.data),
      };
    }
    network.dispose();
  }
  return found;
}
