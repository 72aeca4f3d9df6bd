import { bindGroup, type Copy, type Dispatch, encodeCopy, SLOT, storagesOf } from "./command.ts";
import type { GpuDevice } from "./device.ts";
import { elideCopies } from "./elide.ts";
import { UsageError } from "./errors.ts";
import { type Lifetime, liveBytes, planMemory } from "./plan.ts";
import type { Storage } from "./pool.ts";
import { PlannedStorage, Recorder } from "./recorder.ts";
import { forEachTensor, scope } from "./tensor.ts";

const UNIFORM = 0x40;
const COPY_DST = 0x08;

/** Bytes that the tensors made in a recorded step take. */
export interface ProgramMemory {
  /** With a buffer for each. */
  naive: number;
  /** In the blocks that they share. */
  planned: number;
  /** At the worst moment: no plan can take less. */
  leastPossible: number;
}

/** A recorded dispatch, ready to be encoded: bind group and offset of its parameters. */
export interface Prepared {
  readonly dispatch: Dispatch;
  readonly group: GPUBindGroup;
  readonly offset: number;
}

/**
 * A step recorded once: its dispatches with their bind groups, and memory planned by lifetime. Running it again creates no
 * buffer, bind group or pipeline, and is one submit.
 */
export class Program<T = unknown> {
  /** The recorded commands in order. */
  readonly commands: readonly (Prepared | Copy)[];
  /** Number of dispatches of one run. */
  readonly dispatches: number;
  /** Encodes a run: all dispatches between two copies in one pass, unless a profiler has put its own way here. */
  encode: (encoder: GPUCommandEncoder, commands: readonly (Prepared | Copy)[]) => void = encodeTogether;
  readonly #uniforms: GPUBuffer;
  readonly #live: Dispatch[];
  readonly #staging: Uint8Array<ArrayBuffer>;
  readonly #held: Storage[];
  readonly #lifetimes: Lifetime[];
  readonly #blocks: readonly number[];
  #disposed = false;

  private constructor(
    readonly device: GpuDevice,
    recorder: Recorder,
    /** What the body returned: tensors whose elements each run computes anew. */
    readonly result: T,
  ) {
    const { gpu, pool } = device;
    const commands = elideCopies(recorder.commands);
    const lives = lifetimesOf(commands, recorder.planned);
    const used = [...lives.keys()];
    const lifetimes = [...lives.values()];
    const { blockOf, blocks } = planMemory(lifetimes);
    this.#lifetimes = lifetimes;
    this.#blocks = blocks;
    const held: Storage[] = [...recorder.constants];
    this.#held = held;
    try {
      for (const [i, bytes] of blocks.entries()) held.push(pool.acquire(bytes, used[blockOf.indexOf(i)]!.op));
    } catch (error) {
      for (const storage of held) storage.release();
      throw error;
    }
    for (const [i, storage] of used.entries()) storage.place(held[recorder.constants.length + blockOf[i]!]!);

    const dispatches = commands.filter((command) => "pipeline" in command);
    this.dispatches = dispatches.length;
    // Parameters that change come first, so that one short write renews them.
    this.#live = dispatches.filter(({ repack }) => repack !== null);
    const slots = new Map([...this.#live, ...dispatches.filter(({ repack }) => !repack)].map((d, i) => [d, i * SLOT]));
    this.#staging = new Uint8Array(Math.max(1, this.#live.length) * SLOT);
    this.#uniforms = gpu.createBuffer({ size: Math.max(1, slots.size) * SLOT, usage: UNIFORM | COPY_DST });
    const all = new Uint8Array(slots.size * SLOT);
    for (const [{ params }, offset] of slots) all.set(params, offset);
    if (all.length > 0) gpu.queue.writeBuffer(this.#uniforms, 0, all);

    const groups = new Map<string, GPUBindGroup>();
    const groupOf = ({ layout, buffers }: Dispatch) => {
      const key = [layout.name, ...buffers.map(({ id, bytes }) => `${id}:${bytes}`)].join();
      const group = groups.get(key) ?? bindGroup(gpu, layout, buffers, this.#uniforms);
      groups.set(key, group);
      return group;
    };
    const own = new Set<Storage>(recorder.planned);
    const outside = new Set<Storage>();
    this.commands = commands.map((command) => {
      for (const storage of storagesOf(command)) if (!own.has(storage)) outside.add(storage);
      if (!("pipeline" in command)) return command;
      return { dispatch: command, group: groupOf(command), offset: slots.get(command)! };
    });
    for (const storage of outside) held.push(storage.retain());
  }

  /**
   * Records what `body` does, without running it. Tensors made outside are read and written in place at every run, those
   * it uploads are constants, and those it returns live as long as the program. Numbers that change from run to run are
   * given to kernels as functions.
   * @throws UsageError if a step is being recorded already, or `body` reads or writes from the host.
   */
  static record<T>(device: GpuDevice, body: () => T): Program<T> {
    if (device.recorder) throw new UsageError("record: expected no other step to be recorded, got one inside another");
    const recorder = new Recorder(device.pool);
    device.recorder = recorder;
    let result: T;
    try {
      result = scope(body);
    } catch (error) {
      for (const storage of recorder.constants) storage.release();
      throw error;
    } finally {
      device.recorder = null;
    }
    forEachTensor(result, (tensor) => tensor.keep());
    return new Program(device, recorder, result);
  }

  /** Bytes of the step's own tensors that are alive at each command. */
  get timeline(): Float64Array {
    return liveBytes(this.#lifetimes, this.commands.length);
  }

  /** Bytes of the step's own tensors. */
  get memory(): ProgramMemory {
    return {
      naive: sum(this.#lifetimes.map(({ bytes }) => bytes)),
      planned: sum(this.#blocks),
      leastPossible: this.timeline.reduce((most, bytes) => Math.max(most, bytes), 0),
    };
  }

  /** Submits one run of the step. @throws UsageError after dispose(). */
  run(): void {
    this.begin();
    const encoder = this.device.gpu.createCommandEncoder();
    this.encode(encoder, this.commands);
    this.device.gpu.queue.submit([encoder.finish()]);
    this.device.stream.counters.submits++;
    this.device.stream.counters.dispatches += this.dispatches;
  }

  /** Submits what was collected before, and brings the live parameters up to date: to be called before encoding a run. */
  begin(): void {
    if (this.#disposed) throw new UsageError("program: expected a live program, got a disposed one");
    this.device.check();
    this.device.stream.flush();
    for (const [i, { repack }] of this.#live.entries()) this.#staging.set(repack!(), i * SLOT);
    if (this.#live.length > 0) this.device.gpu.queue.writeBuffer(this.#uniforms, 0, this.#staging);
  }

  /** Frees the program's memory and its result. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    forEachTensor(this.result, (tensor) => tensor.dispose());
    for (const storage of this.#held) storage.release();
    this.#uniforms.destroy();
  }
}

/** The life of every planned storage that is used and has no place yet; results live to the end. */
function lifetimesOf(
  commands: readonly (Dispatch | Copy)[],
  planned: readonly PlannedStorage[],
): Map<PlannedStorage, Lifetime> {
  const lives = new Map<PlannedStorage, Lifetime>();
  for (const [at, command] of commands.entries()) {
    for (const storage of storagesOf(command)) {
      if (!(storage instanceof PlannedStorage) || storage.placed) continue;
      const { bytes, live } = storage;
      const first = lives.get(storage)?.first ?? at;
      lives.set(storage, { bytes, first, last: live ? commands.length : at });
    }
  }
  // A result that no command touches, an empty tensor's, needs a place all the same.
  for (const storage of planned) {
    if (storage.live && !lives.has(storage))
      lives.set(storage, { bytes: storage.bytes, first: 0, last: commands.length });
  }
  return lives;
}

/** Encodes commands with as few passes as there can be. */
export function encodeTogether(encoder: GPUCommandEncoder, commands: readonly (Prepared | Copy)[]): void {
  let pass: GPUComputePassEncoder | null = null;
  for (const command of commands) {
    if ("dispatch" in command) {
      pass ??= encoder.beginComputePass();
      encodeDispatch(pass, command);
    } else {
      pass?.end();
      pass = null;
      encodeCopy(encoder, command);
    }
  }
  pass?.end();
}

/** Encodes one recorded dispatch. */
export function encodeDispatch(pass: GPUComputePassEncoder, { dispatch, group, offset }: Prepared): void {
  const { pipeline, groups } = dispatch;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group, [offset]);
  pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
