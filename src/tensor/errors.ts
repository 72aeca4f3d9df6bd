/** Base of every error this library throws on purpose; the command line prints its message and exits with code 2. */
export class OnestageError extends Error {
  override name = "OnestageError";
}

/** A call with wrong shapes or arguments: the message names the op, what was expected and what came. */
export class ShapeError extends OnestageError {
  override name = "ShapeError";
  constructor(op: string, expected: string, got: string) {
    super(`${op}: expected ${expected}, got ${got}`);
  }
}

/** A tensor was used after it was disposed. */
export class DisposedError extends OnestageError {
  override name = "DisposedError";
}

/** No WebGPU adapter was found. */
export class NoAdapterError extends OnestageError {
  override name = "NoAdapterError";
}

/** The GPU device was lost; everything on it is gone. */
export class DeviceLostError extends OnestageError {
  override name = "DeviceLostError";
}

/** A buffer did not fit into the adapter's limits or memory. */
export class OutOfMemoryError extends OnestageError {
  override name = "OutOfMemoryError";
}

/** The GPU reported a validation or internal error; it is a bug of this library, with the GPU's words inside. */
export class GpuError extends OnestageError {
  override name = "GpuError";
}

/** A file or a byte stream is not what it should be: the message names the file, what was expected and what came. */
export class FormatError extends OnestageError {
  override name = "FormatError";
  constructor(file: string, expected: string, got: string) {
    super(`${file}: expected ${expected}, got ${got}`);
  }
}

/** A flag, a configuration entry or an option has a value that cannot be used. */
export class UsageError extends OnestageError {
  override name = "UsageError";
}

/** A loss or a gradient became NaN or infinite. */
export class NonFiniteError extends OnestageError {
  override name = "NonFiniteError";
}
