import { type Copy, storagesOf } from "../tensor/command.ts";
import type { Job } from "../tensor/origin.ts";
import { type Lifetime, planMemory } from "../tensor/plan.ts";
import type { Storage } from "../tensor/pool.ts";
import type { Prepared } from "../tensor/program.ts";
import { PlannedStorage } from "../tensor/recorder.ts";
import type { Answering } from "./method.ts";
import type { Predictor } from "./predictor.ts";
import type { HostBatch } from "./train.ts";

/** What one prediction takes, by the definitions of its ops. */
export interface PredictionCost {
  /** Floating-point operations: a multiply-add is two. */
  flops: number;
  /** Bytes read and written if every operand of a kernel is moved once. */
  bytes: number;
  dispatches: number;
  /** Bytes on the device: weights and images that are read, and the blocks that intermediate maps share. */
  peakBytes: number;
}

/**
 * Counts what predicting batches like this one takes, from the recorded work and without running it: for the cost at test
 * time give a batch of one image. Only what the answer needs is counted, by the fused head alone or by the mean of both
 * (the same for networks with one head), so that a head which is not asked costs nothing.
 */
export function predictionCost(predictor: Predictor, host: HostBatch, head: Answering = "fused"): PredictionCost {
  const { commands, result } = predictor.program(host);
  const answers = answersOf(result.length, host.target.length > host.size, head).map((i) => result[i]!.held as Storage);
  const needed = neededFor(answers, commands.map(commandOf));
  const jobs = new Map<Job, number>();
  const cost = { flops: 0, bytes: 0, dispatches: 0 };
  for (const command of needed) {
    if (!("pipeline" in command)) {
      cost.bytes += 2 * command.bytes;
      continue;
    }
    const { flops, bytes, job } = command.cost!;
    cost.dispatches++;
    cost.bytes += bytes;
    if (job) jobs.set(job, job.flops);
    else cost.flops += flops;
  }
  for (const flops of jobs.values()) cost.flops += flops;
  return { ...cost, peakBytes: bytesOf(needed, answers) };
}

/** Which results a head's answer is: class scores of one or both heads, or of pixels the label map of either. */
function answersOf(results: number, pixels: boolean, head: Answering): number[] {
  if (pixels) return head === "averaged" && results > 2 ? [2] : [0];
  return head === "averaged" && results > 1 ? [0, 1] : [0];
}

type Command = Prepared["dispatch"] | Copy;

function commandOf(command: Prepared | Copy): Command {
  return "dispatch" in command ? command.dispatch : command;
}

/** The commands whose results these answers depend on, in order. */
function neededFor(answers: readonly Storage[], commands: readonly Command[]): Command[] {
  const wanted = new Set<Storage>(answers);
  const needed: Command[] = [];
  for (const command of [...commands].reverse()) {
    if (!writtenBy(command).some((storage) => wanted.has(storage))) continue;
    needed.push(command);
    // What is written stays wanted: an earlier command may have written another part of it.
    for (const storage of storagesOf(command)) wanted.add(storage);
  }
  return needed.reverse();
}

function writtenBy(command: Command): readonly Storage[] {
  if (!("pipeline" in command)) return [command.to];
  return command.buffers.filter((_, i) => command.layout.name[i] === "w");
}

function bytesOf(commands: readonly Command[], answers: readonly Storage[]): number {
  const lives = new Map<PlannedStorage, Lifetime>();
  const outside = new Set<Storage>();
  for (const [at, command] of commands.entries()) {
    for (const storage of storagesOf(command)) {
      if (!(storage instanceof PlannedStorage)) {
        outside.add(storage);
        continue;
      }
      const last = answers.includes(storage) ? commands.length : at;
      lives.set(storage, { bytes: storage.bytes, first: lives.get(storage)?.first ?? at, last });
    }
  }
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return sum(planMemory([...lives.values()]).blocks) + sum([...outside].map(({ bytes }) => bytes));
}
