import { type ChildProcess, fork } from "node:child_process";
import { type FinishedShard, makeShard, type PackPlan } from "../data/node/prepare/pack.ts";
import type { Size } from "../data/node/prepare/resize.ts";
import { OnestageError } from "../tensor/errors.ts";
import { checkInterrupted, InterruptedError, type Io } from "./io.ts";
import { type PrepareOptions, planOf, withSource } from "./preparePlan.ts";

/** What the parent asks of a worker: one shard of the plan that follows from this size. */
interface Order {
  readonly shard: number;
  readonly size: Size;
  readonly fingerprint: string;
  readonly recipe: string;
  readonly out: string;
}

/** What a worker answers: progress, a shard, or what went wrong. */
type Answer = { readonly count: number } | { readonly finished: FinishedShard } | { readonly failed: string };

// Time between two words of progress, in milliseconds.
const TELL_MS = 100;

/**
 * Makes the shards of a plan in `jobs` processes of this program, each of which opens the source for itself. The first
 * failure ends them all.
 * @throws OnestageError with what a worker said.
 */
export async function makeInProcesses(
  { kind, shards }: PackPlan,
  { size, fingerprint }: Pick<Order, "size" | "fingerprint">,
  out: string,
  jobs: number,
  io: Io,
  onSample: (count: number) => void,
): Promise<FinishedShard[]> {
  const finished: FinishedShard[] = new Array(shards.length);
  const workers: ChildProcess[] = [];
  let next = 0;
  const work = async () => {
    const worker = fork(process.argv[1], [...io.argv, "--worker"], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    workers.push(worker);
    while (next < shards.length) {
      const shard = next++;
      const order: Order = { shard, size, fingerprint, recipe: kind.recipe, out };
      finished[shard] = await ask(worker, order, (count) => {
        checkInterrupted(io.signal);
        onSample(count);
      });
    }
    worker.disconnect();
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
    return finished;
  } catch (error) {
    checkInterrupted(io.signal);
    throw error;
  } finally {
    for (const worker of workers) worker.kill("SIGKILL");
  }
}

function ask(worker: ChildProcess, order: Order, onSample: (count: number) => void): Promise<FinishedShard> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off("message", hear).off("exit", ended);
      act();
    };
    const ended = (code: number | null, signal: string | null) => {
      const how = `a worker process ended early (${signal ?? `code ${code}`})`;
      settle(() => reject(new OnestageError(`${how}; what is finished is kept, the same command goes on`)));
    };
    const hear = (answer: Answer) => {
      try {
        if ("count" in answer) onSample(answer.count);
        else if ("finished" in answer) settle(() => resolve(answer.finished));
        else settle(() => reject(new OnestageError(answer.failed)));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    worker.on("message", hear).on("exit", ended);
    // What could not be sent went to a process that is about to end, or that never was: that one has no end to tell of.
    worker.on("error", ({ message }) => {
      if (worker.pid !== undefined) return;
      settle(() => reject(new OnestageError(`cannot start a worker process (--jobs 1 needs none): ${message}`)));
    });
    worker.send(order);
  });
}

/** Makes shards for the process that started this one, until that one has no more orders or is gone. */
export async function prepareWorker(kind: string, from: string, options: PrepareOptions): Promise<void> {
  const send = (answer: Answer) => process.connected && process.send?.(answer);
  await withSource([kind, from], options, async (source) => {
    let plan: PackPlan | undefined;
    for await (const { shard, size, fingerprint, recipe, out } of orders()) {
      try {
        plan ??= planOf(source, size, fingerprint, options);
        if (plan.kind.recipe !== recipe) throw new OnestageError(`${source.name}: it changed while it was prepared`);
        let count = 0;
        let told = 0;
        const finished = await makeShard(source, plan, plan.shards[shard], out, (more) => {
          if (!process.connected) throw new InterruptedError("the process that wanted this is gone");
          count += more;
          if (performance.now() - told < TELL_MS) return;
          told = performance.now();
          send({ count });
          count = 0;
        });
        send({ count });
        send({ finished });
      } catch (error) {
        if (!(error instanceof OnestageError)) throw error;
        send({ failed: error.message });
      }
    }
  });
}

/** Orders as they come, until the other side hangs up. */
async function* orders(): AsyncGenerator<Order> {
  const waiting: Order[] = [];
  let wake = () => {};
  process.on("message", (order: Order) => {
    waiting.push(order);
    wake();
  });
  process.on("disconnect", () => wake());
  while (process.connected || waiting.length > 0) {
    const order = waiting.shift();
    if (order) {
      yield order;
      continue;
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
