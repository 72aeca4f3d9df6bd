/** One example: a colour image, the depth map of the same view, and what is known about it. All arrays are row-major, shared and read-only. */
export interface Sample {
  /** Unique within its dataset and split. */
  readonly name: string;
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [height, width, 3], red green blue, 0 to 255, gamma-encoded as in an image file. */
  readonly rgb: Uint8Array;
  /** [height, width], distance along the optical axis in millimetres; 0 where the sensor saw nothing. */
  readonly depth: Uint16Array;
  /** [height, width], infrared intensity, in the sensor's own counts. */
  readonly ir?: Uint16Array;
  /** [height, width], an index into the dataset's `labels`; 255 where a pixel must be ignored. */
  readonly label?: Uint8Array;
  /** Index of the image's class in the dataset's `classes`. */
  readonly target?: number;
}

/** A fixed collection of samples of one size, in named splits; reading it has no side effects that a caller could notice. */
export interface Dataset {
  readonly name: string;
  /** Pixels per row of every sample. */
  readonly width: number;
  /** Rows of every sample. */
  readonly height: number;
  readonly splits: readonly string[];
  /** Names of the image classes; empty if images have no class. */
  readonly classes: readonly string[];
  /** Names of the pixel classes; empty if pixels have none. */
  readonly labels: readonly string[];
  /** What one step of depth is, where it is no millimetre. */
  readonly depthUnit?: string;
  /**
   * Number of samples in a split.
   *
   * @throws UsageError naming the split if there is none of that name.
   */
  size(split: string): number;
  /**
   * The sample at `index` of a split, the same one at every call.
   *
   * @throws UsageError naming the split or the index if there is none such.
   */
  sample(split: string, index: number): Sample;
}
