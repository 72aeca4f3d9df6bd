import { UsageError } from "./errors.ts";
import { newStorageId, type Storage, tensorUsage } from "./pool.ts";
import { type Shape, showShape, sizeOf } from "./shape.ts";
import { bytesPerElement, type DType } from "./tensor.ts";

/** Where a tensor's elements lie: so many bytes of a buffer, from an offset on. */
export interface BufferRange {
  buffer: GPUBuffer;
  offset: number;
  bytes: number;
}

/** A part of a buffer that somebody else made and will destroy: it is neither counted nor given back. */
class BorrowedStorage implements Storage {
  readonly id = newStorageId();

  constructor(
    readonly buffer: GPUBuffer,
    readonly offset: number,
    readonly bytes: number,
  ) {}

  /** One more tensor uses it. */
  retain(): this {
    return this;
  }

  /** One tensor less: the buffer stays its owner's. */
  release(): void {}
}

/**
 * The place of a tensor in a caller's buffer, to be used as it is. Kernels take elements four at a time, so up to three after
 * the last are part of it.
 * @throws UsageError naming what keeps the buffer from being bound, read and written there.
 */
export function borrow(buffer: GPUBuffer, shape: Shape, dtype: DType, offset: number): Storage {
  const refuse = (expected: string, got: string) => new UsageError(`fromBuffer: expected ${expected}, got ${got}`);
  // Not by its class: a page may have several, one for each frame.
  if (typeof buffer?.usage !== "number") throw refuse("a GPUBuffer", String(buffer));
  const lacking = Object.entries(tensorUsage).filter(([, flag]) => (buffer.usage & flag) === 0);
  if (lacking.length > 0) {
    const expected = `a buffer of usage ${Object.keys(tensorUsage).join(" | ")}`;
    throw refuse(expected, `one without ${lacking.map(([name]) => name).join(" | ")}`);
  }
  if (buffer.mapState !== "unmapped") throw refuse("an unmapped buffer", `one whose mapState is "${buffer.mapState}"`);
  if (!shape.every((extent) => Number.isInteger(extent) && extent > 0)) {
    throw refuse("a shape of whole numbers above 0", showShape(shape));
  }
  if (!Number.isInteger(offset) || offset < 0 || offset % 256 !== 0) {
    throw refuse("an offset that is a multiple of 256 bytes", `${offset}`);
  }
  const bytes = 4 * bytesPerElement(dtype) * Math.ceil(sizeOf(shape) / 4);
  if (offset + bytes > buffer.size) {
    const expected = `${bytes} bytes for ${showShape(shape)} of ${dtype}, which is taken four elements at a time`;
    throw refuse(expected, `${buffer.size - offset} bytes from offset ${offset} on`);
  }
  return new BorrowedStorage(buffer, offset, bytes);
}
