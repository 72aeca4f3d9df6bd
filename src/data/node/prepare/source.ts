import type { Image } from "../../png.ts";

/** What is known about a sample before its images are read. */
export interface SourceSample {
  /** Unique within its split. */
  readonly name: string;
  /** Index of its class in the source's `classes`. */
  readonly target?: number;
}

/** The images of one sample, decoded; they may differ in size, and from other samples. */
export interface RawSample {
  readonly rgb: Image;
  /** 0 = missing. */
  readonly depth: Image<Uint16Array>;
  readonly ir?: Image<Uint8Array | Uint16Array>;
  /** Indices into the source's `labels`; 255 = ignore. */
  readonly label?: Image;
}

/** A dataset to prepare: what is in it, and a way to decode each sample by itself. */
export interface Source {
  readonly name: string;
  readonly kind: string;
  /** Names of the image classes; empty if images have none. */
  readonly classes: readonly string[];
  /** Names of the pixel classes; empty if pixels have none. */
  readonly labels: readonly string[];
  /** What one step of depth is: "mm" or something else. */
  readonly depthUnit: string;
  /** Type of the infrared images; null where there are none. */
  readonly ir: "U8" | "U16" | null;
  readonly splits: ReadonlyMap<string, readonly SourceSample[]>;
  /** SHA-256 that tells its files from those of another source: by their names and sizes, without reading them. */
  fingerprint(): Promise<string>;
  /**
   * Decodes a sample.
   * @throws FormatError naming the file that is not as it should be.
   */
  read(split: string, index: number): Promise<RawSample>;
  /** Gives open files back. */
  close(): void;
}

/** What can be chosen about a source; each kind names those that it knows. */
export interface SourceOptions {
  /** Number of pixel classes. */
  readonly classes?: number;
  /** Which depth, where a source has several. */
  readonly depth?: "filled" | "raw" | "disparity";
  /** What one step of depth is, where the files do not say. */
  readonly depthUnit?: string;
}

/** A kind of source: how it is opened (`path` is a real path), and which options it knows. */
export interface SourceKind {
  readonly about: string;
  readonly options: readonly (keyof SourceOptions)[];
  /** @throws FormatError naming what is missing or not as it should be. */
  open(path: string, options: SourceOptions): Promise<Source>;
}
