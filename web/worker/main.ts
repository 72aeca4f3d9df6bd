import { Bench } from "./bench.ts";
import { Demo } from "./demo.ts";
import { DeviceKeeper } from "./device.ts";
import type { Calls, Events, Reply, Request } from "./protocol.ts";
import { Run } from "./run.ts";

/** The worker's end of its wire. */
interface Port {
  postMessage(message: Reply, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}

type Handlers = { [N in keyof Calls]: (argument: Parameters<Calls[N]>[0]) => Promise<ReturnType<Calls[N]>> };

const port = globalThis as unknown as Port;

function emit<N extends keyof Events>(event: N, data: Events[N]): void {
  port.postMessage({ event, data } as Reply);
}

const keeper = new DeviceKeeper();
const run = new Run(keeper, (update) => emit("train", update));

const demo = new Demo(keeper);
const bench = new Bench(
  keeper,
  (update) => emit("bench", update),
  (update) => emit("profile", update),
);

const handlers: Handlers = {
  async device() {
    const { adapter, gpu } = await keeper.get();
    const name = adapter.description || `${adapter.vendor} ${adapter.architecture}`.trim();
    return {
      name: name || "an adapter without a name",
      software: adapter.software,
      timestamps: gpu.features.has("timestamp-query"),
    };
  },
  "train/saved": () => run.saved(),
  "train/start": (choice) => run.start(choice!),
  "train/resume": () => run.resume(),
  "train/pause": () => run.pause(),
  "train/stop": () => run.stop(),
  "train/weights": () => run.weights(),
  "train/discard": () => run.discard(),
  "demo/scene": async (question) => demo.scene(question!),
  "demo/ask": (question) => demo.ask(question!),
  "demo/score": (question) => demo.score(question!),
  "bench/cases": async () => bench.cases(),
  "bench/measure": (choice) => bench.measure(choice!),
  "bench/profile": (choice) => bench.profile(choice!),
  "bench/stop": async () => bench.stop(),
  "test/lose": () => keeper.lose(),
};

port.onmessage = async ({ data: { id, call, argument } }) => {
  try {
    const handler = handlers[call] as (argument: unknown) => Promise<unknown>;
    port.postMessage({ id, result: await handler(argument) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    port.postMessage({ id, error: { name, message } });
  }
};
