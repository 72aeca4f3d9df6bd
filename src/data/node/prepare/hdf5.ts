import { open } from "node:fs/promises";
import type { Dataset, File } from "h5wasm/node";
import { FormatError } from "../../../tensor/errors.ts";
import { fileError } from "../files.ts";

/** Most bytes of one chunk, and of one image, that are inflated at once. */
const MAX_CHUNK_BYTES = 2 ** 26;

/** What an array must be: its type as NumPy writes it, and its sizes; -1 stands for any. */
export interface ArrayForm {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** An open HDF5 file, of which parts are read when they are needed. */
export class Hdf5File {
  private constructor(
    private readonly file: File,
    private readonly path: string,
  ) {}

  /** @throws FormatError when it is no HDF5 file; OnestageError when it cannot be read. */
  static async open(path: string): Promise<Hdf5File> {
    if (!(await isHdf5(path))) throw new FormatError(path, "an HDF5 file (MATLAB 7.3)", "something else");
    const { ready, File } = await import("h5wasm/node");
    const library = await ready;
    // Otherwise it prints to stderr.
    library.activate_throwing_error_handler();
    try {
      return new Hdf5File(new File(path, "r"), path);
    } catch (error) {
      throw new FormatError(path, "an intact HDF5 file", reasonOf(error));
    }
  }

  /** Sizes of an array of the form wanted. @throws FormatError when there is none, or its chunks are too large to read. */
  shape(name: string, { dtype, shape: wanted }: ArrayForm): number[] {
    return this.intact(name, () => {
      const found = this.dataset(name);
      const { shape } = found;
      const fits = shape?.length === wanted.length && wanted.every((size, i) => size < 0 || size === shape[i]);
      if (!fits || found.dtype !== dtype || !shape) {
        const expected = `${dtype} [${wanted.map((size) => (size < 0 ? "n" : size)).join(",")}]`;
        throw new FormatError(`${this.path}: ${name}`, expected, `${found.dtype} [${shape}]`);
      }
      this.checkChunks(name, found);
      return shape;
    });
  }

  /** Entry `index` along the first axis of a checked array, without its first axis. @throws FormatError when damaged. */
  slice(name: string, index: number): Uint8Array | Uint16Array | Float32Array {
    return this.intact(name, () => {
      const dataset = this.dataset(name);
      const rest = dataset.shape!.slice(1).map((): [] => []);
      return dataset.slice([[index, index + 1], ...rest]) as Uint8Array;
    });
  }

  /** All numbers of a small array; undefined if there is none of that name. @throws FormatError when large or damaged. */
  numbers(name: string): number[] | undefined {
    return this.intact(name, () => {
      if (!this.file.keys().includes(name)) return undefined;
      const dataset = this.dataset(name);
      const count = (dataset.shape ?? []).reduce((product, size) => product * size, 1);
      if (count > 2 ** 20) throw new FormatError(`${this.path}: ${name}`, "at most 1048576 numbers", `${count}`);
      this.checkChunks(name, dataset);
      return Array.from(dataset.value as ArrayLike<number>, Number);
    });
  }

  close(): void {
    try {
      this.file.close();
    } catch {
      // Of a damaged file; what was wrong with it has been said.
    }
  }

  private dataset(name: string): Dataset {
    const { file } = this;
    if (!file.keys().includes(name)) throw new FormatError(this.path, `an array ${name}`, "none");
    // A link may lead into another file of this machine.
    const linked = file.get_link(name) || file.get_external_link(name).filename;
    const found = linked ? null : file.get(name);
    if (found && "slice" in found) return found;
    throw new FormatError(this.path, `an array ${name}`, linked ? "a link" : "something else");
  }

  private checkChunks(name: string, { metadata, shape }: Dataset): void {
    const sizes = metadata.chunks ?? [1, ...(shape ?? []).slice(1)];
    const bytes = sizes.reduce((product, size) => product * size, metadata.size);
    if (bytes <= MAX_CHUNK_BYTES) return;
    throw new FormatError(`${this.path}: ${name}`, `chunks of at most ${MAX_CHUNK_BYTES} bytes`, `${bytes}`);
  }

  /** What `read` gives; what the library throws over a damaged file becomes a FormatError. */
  private intact<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`${this.path}: ${name}`, "intact HDF5 data", reasonOf(error));
    }
  }
}

/** Whether a file has the signature of HDF5 at its start or behind MATLAB's 512 bytes. */
export async function isHdf5(path: string): Promise<boolean> {
  const handle = await open(path, "r").catch((error) => {
    throw fileError(path, "read", error);
  });
  try {
    const { buffer } = await handle.read(Buffer.alloc(520), 0, 520, 0);
    return [0, 512].some((at) => buffer.toString("latin1", at, at + 8) === "\x89HDF\r\n\x1a\n");
  } finally {
    await handle.close();
  }
}

/**
 * What the library complains of, in a few words: it throws a listing of its call stack, in which the innermost function, the
 * last one, knows best. Source: H5Eprint2 of HDF5, lines like "#008: H5Z.c line 1489 in H5Z_pipeline(): filter failed".
 */
function reasonOf(error: unknown): string {
  const text = `${(error as Error).message ?? error}`;
  const innermost = [...text.matchAll(/^\s*#\d+: .*?\(\): (.+)$/gm)].at(-1)?.[1];
  return `"${(innermost ?? text.split("\n")[0]!).slice(0, 100)}" from the HDF5 library`;
}
