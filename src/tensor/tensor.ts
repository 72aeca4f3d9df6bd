import type { Device } from "./device.ts";
import { DisposedError, ShapeError } from "./errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "./shape.ts";
import type { TapeNode } from "./tape.ts";

/** Element type: f32, or f16 where space counts and the adapter has shader-f16; u32 for class indices. */
export type DType = "f32" | "f16" | "u32";

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** Whatever holds a tensor's elements, shared by reference count among views. */
export interface Held {
  retain(): Held;
  release(): void;
}

const scopes: Set<Tensor>[] = [];

/** A dense row-major array on a device, with the tape node that made it when a gradient may flow through it. */
export class Tensor {
  readonly size: number;
  /** Whether `backward` leaves this leaf's gradient in `grad`. */
  requiresGrad = false;
  /** The operation that made this tensor, null for leaves. */
  node: TapeNode | null = null;
  #grad: Tensor | null = null;
  #held: Held | null;

  constructor(
    readonly device: Device,
    readonly shape: Shape,
    readonly dtype: DType,
    held: Held,
  ) {
    this.size = sizeOf(shape);
    this.#held = held;
    scopes.at(-1)?.add(this);
  }

  /** The storage behind this tensor. @throws DisposedError after dispose(). */
  get held(): Held {
    if (!this.#held)
      throw new DisposedError(`tensor ${showShape(this.shape)}: expected a live tensor, got a disposed one`);
    return this.#held;
  }

  /** Bytes that the elements take. */
  get bytes(): number {
    return this.size * bytesPerElement(this.dtype);
  }

  /** Whether dispose() or the end of a scope has freed this tensor. */
  get disposed(): boolean {
    return this.#held === null;
  }

  /** The gradient `backward` left here; null before, and after the scope that computed it has ended. */
  get grad(): Tensor | null {
    return this.#grad && !this.#grad.disposed ? this.#grad : null;
  }

  set grad(value: Tensor | null) {
    this.#grad = value;
  }

  /** Whether a gradient may flow into this tensor. */
  get tracked(): boolean {
    return this.requiresGrad || this.node !== null;
  }

  /** The elements, copied to the host: waits for the GPU. */
  async read(): Promise<Float32Array | Uint32Array> {
    return this.device.read(this);
  }

  /** The only element of a one-element tensor, copied to the host: waits for the GPU. @throws ShapeError otherwise. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError("item", "a tensor with one element", showShape(this.shape));
    return (await this.read())[0]!;
  }

  /** A view of the same elements that no gradient flows through. */
  detach(): Tensor {
    return this.view(this.shape);
  }

  /** A view of the same elements with another shape, untracked. @throws ShapeError if the sizes differ. */
  view(shape: Shape): Tensor {
    if (sizeOf(shape) !== this.size) throw new ShapeError("view", `${this.size} elements`, showShape(shape));
    return new Tensor(this.device, shape, this.dtype, this.held.retain());
  }

  /** Puts this tensor where `other` lies, which holds the same elements; views made before stay where they were. */
  moveTo(other: Tensor): void {
    const held = other.held.retain();
    this.#held?.release();
    this.#held = held;
  }

  /** Frees this tensor now; freeing twice is harmless. */
  dispose(): void {
    this.#held?.release();
    this.#held = null;
    this.node = null;
  }

  /** Takes this tensor out of all scopes: it lives until dispose(). */
  keep(): this {
    for (const scope of scopes) scope.delete(this);
    return this;
  }
}

/**
 * Runs `body` and frees every tensor made inside except those it returns (directly, or inside arrays and plain objects).
 * @throws TypeError if `body` is asynchronous: memory would be freed while it still runs.
 */
export function scope<T>(body: () => T): T {
  const made = new Set<Tensor>();
  scopes.push(made);
  let result: T;
  try {
    result = body();
    if (result instanceof Promise) throw new TypeError("scope: expected a synchronous function, got a promise");
    forEachTensor(result, (tensor) => {
      if (made.delete(tensor)) scopes.at(-2)?.add(tensor);
    });
  } finally {
    scopes.pop();
    for (const tensor of made) tensor.dispose();
  }
  return result;
}

/** Visits the tensors in a value: itself, or inside arrays and plain objects. */
export function forEachTensor(value: unknown, visit: (tensor: Tensor) => void): void {
  if (value instanceof Tensor) visit(value);
  else if (Array.isArray(value)) for (const item of value) forEachTensor(item, visit);
  else if (value && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) forEachTensor(item, visit);
  }
}

/** Throws a ShapeError naming the op unless the tensor has this shape. */
export function expectShape(op: string, name: string, tensor: Tensor, shape: Shape): void {
  if (!sameShape(tensor.shape, shape)) throw new ShapeError(op, `${name} ${showShape(shape)}`, showShape(tensor.shape));
}
