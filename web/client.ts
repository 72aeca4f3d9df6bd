import type { Calls, Events, Reply } from "./worker/protocol.ts";

type Name = keyof Calls;

/** An error of the worker, with its name there. */
export class WorkerError extends Error {
  constructor(
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

/** The page's end of the worker that owns the GPU: asks, and hears. */
export class Client {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  readonly #listeners = new Map<keyof Events, ((data: never) => void)[]>();
  #id = 0;

  /** Starts the worker. */
  constructor() {
    this.#worker = new Worker(new URL("../worker/main.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      const error = new WorkerError("WorkerError", event.message || "the worker could not be started");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    // The tests take the device away by an event, as the system would.
    addEventListener("onestage-lose-device", () => this.call("test/lose").catch(() => {}));
  }

  /** Asks the worker. @throws WorkerError with the worker's own words */
  call<N extends Name>(
    call: N,
    argument?: Parameters<Calls[N]>[0],
    transfer: Transferable[] = [],
  ): Promise<ReturnType<Calls[N]>> {
    const id = this.#id++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#worker.postMessage({ id, call, argument }, transfer);
    });
  }

  /** Listens to what the worker says unasked. */
  on<N extends keyof Events>(event: N, listener: (data: Events[N]) => void): void {
    const list = this.#listeners.get(event) ?? [];
    list.push(listener as (data: never) => void);
    this.#listeners.set(event, list);
  }

  #hear(reply: Reply): void {
    if ("event" in reply) {
      for (const listener of this.#listeners.get(reply.event) ?? []) listener(reply.data as never);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting?.reject(new WorkerError(reply.error.name, reply.error.message));
    else waiting?.resolve(reply.result);
  }
}
