import type { Dataset } from "../../src/data/sample.ts";
import { methods } from "../../src/model/methods.ts";
import { emptySums } from "../../src/model/session.ts";
import { builtInScenes, datasetFacts } from "../../src/run/dataset.ts";
import { stagesOf } from "../../src/run/settings.ts";
import { freshMethod, type OpenStage, openStage } from "../../src/run/stage.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import type { RunChoice, RunSnapshot, RunUpdate, SavedRun } from "../train/types.ts";
import { loadRun, loadStage, type RunRecord, saveRun, saveStage, type TrainerState } from "./checkpoint.ts";
import { settingsOf } from "./choice.ts";
import type { DeviceKeeper } from "./device.ts";
import { News } from "./news.ts";
import type { WeightsFile } from "./protocol.ts";
import { trainStage, type Wish } from "./stage.ts";
import { openStore, type Store } from "./store.ts";
import { networkFile } from "./weights.ts";

const LOCK = "onestage-run";
const LOST = "The GPU device was lost and opened again; the run went on from its last save.";
// How long an earlier page may take to let go of the run, in milliseconds.
const PATIENCE_MS = 3000;
// Scenes that are drawn before messages are looked at.
const DRAWN_AT_ONCE = 8;

/**
 * The one run that a page trains. Between start and end it is always saved, and going on always begins with what was saved:
 * after a pause, after the page was closed, and after the device was lost.
 */
export class Run {
  readonly #news: News;
  #store: Promise<Store> | null = null;
  #dataset: { record: string; data: Dataset } | null = null;
  /** What is being done, until it is broken off or done. */
  #working: Promise<void> | null = null;
  #wish: Wish = null;
  #asked: ((opened: OpenStage, record: RunRecord) => Promise<void>)[] = [];

  constructor(
    private readonly keeper: DeviceKeeper,
    emit: (update: RunUpdate) => void,
  ) {
    this.#news = new News(emit);
  }

  /** The run that an earlier visit left. @throws FormatError if it is damaged */
  async saved(): Promise<SavedRun | null> {
    const store = await this.#files();
    const loaded = await loadRun(store);
    return loaded && { ...this.#news.show(loaded.record), place: store.place };
  }

  /** Starts a run in place of the one before. @throws UsageError | NoAdapterError if it cannot be */
  async start(choice: RunChoice): Promise<RunSnapshot> {
    const settings = settingsOf(choice);
    const stages = stagesOf(settings);
    await this.keeper.get();
    const curves = stages.map(({ name }) => {
      return { method: name, title: methods[name].title, steps: [], losses: {}, epochs: [] };
    });
    return this.#begin(
      () => this.#news.begin(choice, stages, curves),
      async (store) => {
        await store.clear();
        const data = builtInScenes({ ...settings, size: choice.size, scenes: settings.scenes! });
        if (!(await this.#draw(data))) return;
        const record: RunRecord = {
          ...{ choice, settings, stages, curves, stage: 0, stageStep: 0, ended: null, saved: Date.now() },
          ...{ dataset: datasetFacts(data, settings), sums: emptySums(), window: emptySums() },
        };
        this.#dataset = { record: JSON.stringify(settings), data };
        await saveRun(store, record, new Map());
      },
    );
  }

  /** Goes on with what is saved. @throws UsageError if nothing is left to do */
  async resume(): Promise<RunSnapshot> {
    const loaded = await loadRun(await this.#files());
    if (!loaded || loaded.record.ended) throw new UsageError("run: expected one that can go on, got none");
    await this.keeper.get();
    return this.#begin(
      () => this.#news.show(loaded.record),
      async () => {},
    );
  }

  /** Saves the run and breaks it off; settles when that is done. */
  async pause(): Promise<void> {
    this.#wish ??= "pause";
    await this.#working;
  }

  /** Saves the run and ends it for good. @throws UsageError where another tab trains */
  async stop(): Promise<void> {
    this.#wish = "stop";
    await this.#working;
    await alone(async () => {
      const store = await this.#files();
      const loaded = await loadRun(store);
      if (!loaded || loaded.record.ended) return;
      const record: RunRecord = { ...loaded.record, ended: "stopped" };
      await saveRun(store, record, loaded.state);
      this.#news.show(record);
      this.#news.tell();
    });
  }

  /** Forgets what is saved. @throws UsageError where another tab trains */
  async discard(): Promise<void> {
    await this.pause();
    await alone(async () => (await this.#files()).clear());
  }

  /** The weights of the network that is being trained, or was trained last. @throws UsageError if there is none */
  async weights(): Promise<WeightsFile> {
    if (this.#working) {
      const running = new Promise<WeightsFile>((resolve) => {
        this.#asked.push(async (opened, record) => resolve(await networkFile(record, opened.method)));
      });
      // It may come to its end before it looks at what it is asked.
      const file = await Promise.race([running, this.#working.then(() => null)]);
      if (file) return file;
    }
    const store = await this.#files();
    const loaded = await loadRun(store);
    if (!loaded) throw new UsageError("weights: expected a run, got none");
    return this.keeper.keeping(async (device) => {
      const opened = await this.#open(device, store, loaded.record, loaded.state);
      try {
        return await networkFile(loaded.record, opened.method);
      } finally {
        opened.dispose();
      }
    });
  }

  /**
   * Shows how a run begins and does the work in the background, alone of all tabs.
   * @throws UsageError where this one or another tab trains
   */
  #begin(show: () => RunSnapshot, prepare: (store: Store) => Promise<void>): Promise<RunSnapshot> {
    if (this.#working) throw new UsageError("run: expected the one before to be paused or ended, got it running");
    this.#wish = null;
    const snapshot = show();
    return new Promise((resolve, reject) => {
      const held: Promise<unknown> = navigator.locks.request(
        LOCK,
        { signal: AbortSignal.timeout(PATIENCE_MS) },
        async () => {
          resolve(snapshot);
          await this.#work(prepare);
        },
      );
      this.#working = held
        .then(() => {})
        .catch(() => reject(otherTab()))
        .finally(() => {
          this.#working = null;
          this.#asked = [];
        });
    });
  }

  async #work(prepare: (store: Store) => Promise<void>): Promise<void> {
    try {
      const store = await this.#files();
      await prepare(store);
      let note: string | null = null;
      const lost = () => {
        note = LOST;
      };
      const done = !this.#wish && (await this.keeper.keeping((device) => this.#train(device, store, note), lost));
      this.#news.stand(done ? "finished" : this.#wish === "stop" ? "stopped" : "paused");
    } catch (error) {
      this.#news.note(error instanceof Error ? error.message : String(error));
      this.#news.stand("failed");
    }
  }

  /** Trains what is left of the saved run; false if it was broken off before its end. */
  async #train(device: GpuDevice, store: Store, note: string | null): Promise<boolean> {
    const loaded = await loadRun(store);
    if (!loaded) throw new UsageError("run: expected it to be saved, got nothing");
    const { record } = loaded;
    let { state } = loaded;
    this.#news.show(record, note);
    this.#news.stand("training");
    const dataset = this.#scenes(record);
    for (;;) {
      const opened = await this.#open(device, store, record, state);
      try {
        const save = async () => {
          record.saved = Date.now();
          await saveRun(store, record, await opened.trainer.state());
        };
        const broken = await trainStage(device, record, opened, dataset, this.#news, {
          save,
          wish: () => this.#wish,
          asked: () => this.#asked.splice(0),
        });
        if (broken) return false;
        const name = record.stages[record.stage]!.name;
        if (record.stage === record.stages.length - 1) {
          record.ended = "finished";
          await save();
          this.#news.saved(record);
          return true;
        }
        await saveStage(store, name, (await networkFile(record, opened.method)).bytes);
        Object.assign(record, { stage: record.stage + 1, stageStep: 0, sums: emptySums(), window: emptySums() });
        state = new Map();
        await saveRun(store, record, state);
      } finally {
        opened.dispose();
      }
    }
  }

  /** The stage that a record is at, with the state it has. */
  async #open(device: GpuDevice, store: Store, record: RunRecord, state: TrainerState): Promise<OpenStage> {
    const opened = await openStage(device, record, record.stages[record.stage]!, async (name) => {
      const method = freshMethod(device, record, name);
      method.network.loadStateDict(await loadStage(store, name), { origin: `${name}.safetensors` });
      return method;
    });
    if (record.stageStep > 0) opened.trainer.restore(state, record.stageStep, "the saved run");
    return opened;
  }

  /** The scenes of a run: those that were drawn before where they are the same. */
  #scenes({ settings, choice }: RunRecord): Dataset {
    const record = JSON.stringify(settings);
    if (this.#dataset?.record !== record) {
      const data = builtInScenes({ ...settings, size: choice.size, scenes: settings.scenes! });
      this.#dataset = { record, data };
    }
    return this.#dataset.data;
  }

  /** Draws the training scenes, which are kept; false if the visitor did not want to wait. */
  async #draw(data: Dataset): Promise<boolean> {
    const count = data.size("train");
    for (let i = 0; i < count; i++) {
      data.sample("train", i);
      if (i % DRAWN_AT_ONCE !== 0) continue;
      this.#news.drawn(i, count);
      await otherMessages();
      if (this.#wish) return false;
    }
    return true;
  }

  #files(): Promise<Store> {
    this.#store ??= openStore();
    return this.#store;
  }
}

/** Changes what is saved while no tab trains. @throws UsageError where one does */
async function alone(change: () => Promise<void>): Promise<void> {
  await navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
    if (!lock) throw otherTab();
    return change();
  });
}

function otherTab(): UsageError {
  return new UsageError("run: expected no other tab that trains, got one; pause it there, or close it");
}

/** Lets other messages in; no timer, for those of pages in the background are slow. */
function otherMessages(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
