import type { Commands, Copy, Dispatch } from "./command.ts";
import { UsageError } from "./errors.ts";
import { newStorageId, type Pool, type Storage } from "./pool.ts";

/** The storage of a tensor made while a step is recorded: it gets its place in a buffer when the whole step is known. */
export class PlannedStorage implements Storage {
  #references = 1;
  #place: Storage | null = null;
  readonly #id = newStorageId();

  constructor(
    readonly bytes: number,
    readonly op: string,
  ) {}

  get buffer(): GPUBuffer {
    return this.#placed.buffer;
  }

  get offset(): number {
    return this.#placed.offset;
  }

  get id(): number {
    return this.#place?.id ?? this.#id;
  }

  /** Whether it has its place. */
  get placed(): boolean {
    return this.#place !== null;
  }

  /** Whether a tensor still uses it. */
  get live(): boolean {
    return this.#references > 0;
  }

  /** Gives it its place, which others may have at other times; what is still used then holds it. */
  place(storage: Storage): void {
    this.#place = storage;
    if (this.live) storage.retain();
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) this.#place?.release();
  }

  get #placed(): Storage {
    if (this.#place) return this.#place;
    throw new UsageError(`${this.op}: expected its result to be used within the recorded step, got a use before`);
  }
}

/** What happens while a step is recorded: commands in order, the storages they touch, and constants. */
export class Recorder implements Commands {
  readonly commands: (Dispatch | Copy)[] = [];
  readonly planned: PlannedStorage[] = [];
  readonly constants: Storage[] = [];

  constructor(private readonly pool: Pool) {}

  /** A storage to be placed later. @throws OutOfMemoryError if it exceeds the adapter's limits. */
  acquire(bytes: number, op: string): PlannedStorage {
    const storage = new PlannedStorage(this.pool.roundedBytes(bytes, op), op);
    this.planned.push(storage);
    return storage;
  }

  /** Keeps a constant of the step alive as long as the program. */
  constant(storage: Storage): void {
    this.constants.push(storage.retain());
  }

  dispatch(dispatch: Dispatch): void {
    this.commands.push(dispatch);
  }

  copy(copy: Copy): void {
    this.commands.push(copy);
  }
}
