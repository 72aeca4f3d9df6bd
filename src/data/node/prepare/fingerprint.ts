import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import path from "node:path";

/** Files whose sizes are asked for at the same time. */
const AT_ONCE = 16;

/**
 * SHA-256 of the names of files below a folder and of their sizes: what tells one source from another of the same name without
 * reading it. A file that is not there counts as such; whoever reads it says so.
 */
export async function filesFingerprint(root: string, files: readonly string[]): Promise<string> {
  const sizes = new Array<number>(files.length);
  let next = 0;
  const work = async () => {
    while (next < files.length) {
      const i = next++;
      sizes[i] = await stat(path.join(root, files[i])).then(
        ({ size }) => size,
        () => -1,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const hash = createHash("sha256");
  for (const [i, file] of files.entries()) hash.update(`${JSON.stringify([file, sizes[i]])}\n`);
  return hash.digest("hex");
}
