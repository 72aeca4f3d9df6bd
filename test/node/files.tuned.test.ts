import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { cacheFolder } from "../../src/cli/kernels.ts";
import { choicesOf, TunedStore } from "../../src/data/node/tuned.ts";
import { OnestageError } from "../../src/tensor/errors.ts";
import type { TunedJob } from "../../src/tensor/tune.ts";

const root = mkdtempSync(path.join(tmpdir(), "onestage-tuned-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let stores = 0;
const newStore = () => new TunedStore(path.join(root, `${stores++}`, "kernels"), "1.0.0");
const job = (key: string, chosen = "fast"): TunedJob => ({
  key,
  preferred: "slow",
  chosen,
  seconds: { slow: 2e-3, fast: 1e-3 },
});
const put = (store: TunedStore, adapter: string, ...jobs: TunedJob[]) =>
  store.update(adapter, (before) => ({
    ...before,
    jobs: { ...before.jobs, ...Object.fromEntries(jobs.map((entry) => [entry.key, entry])) },
  }));

/** What is read, and what is said about it. */
async function read(store: TunedStore, adapter: string) {
  const warnings: string[] = [];
  const { jobs, pins } = await store.read(adapter, (message) => warnings.push(message));
  return { jobs: Object.keys(jobs), pins, warnings };
}

describe("the store of tuned kernels", () => {
  it("gives back what it was given, apart for each adapter", async () => {
    const store = newStore();
    expect(await read(store, "a")).toEqual({ jobs: [], pins: {}, warnings: [] });
    expect(await store.list(() => {})).toEqual([]);
    await put(store, "a", job("conv2d n=1"), job("conv2d n=2", "slow"));
    await put(store, "b", job("matmul n=1"));
    await store.update("b", (before) => ({ ...before, pins: { conv2d: "tiled" } }));
    const a = await store.read("a", () => {});
    expect(a).toEqual({
      adapter: "a",
      jobs: { "conv2d n=1": job("conv2d n=1"), "conv2d n=2": job("conv2d n=2", "slow") },
      pins: {},
    });
    expect(choicesOf(a)).toEqual({ adapter: "a", choices: { "conv2d n=1": "fast", "conv2d n=2": "slow" }, pins: {} });
    expect(await read(store, "b")).toEqual({ jobs: ["matmul n=1"], pins: { conv2d: "tiled" }, warnings: [] });
    expect((await store.list(() => {})).map(({ adapter }) => adapter).sort()).toEqual(["a", "b"]);
    expect(await store.clear("a")).toBe(1);
    expect(await read(store, "a")).toEqual({ jobs: [], pins: {}, warnings: [] });
    expect((await read(store, "b")).jobs).toEqual(["matmul n=1"]);
    expect(await store.clear()).toBe(1);
    expect(await store.clear()).toBe(0);
  });

  const whole = { format: "onestage-kernels-1", version: "1.0.0", adapter: "a", pins: {}, jobs: [job("conv2d n=1")] };
  it.each<[string, string, RegExp]>([
    ["torn", JSON.stringify(whole).slice(0, 60), /expected JSON, got/],
    ["empty", "", /expected JSON, got/],
    ["nothing", "null", /format: expected onestage-kernels-1, got undefined/],
    ["of another format", JSON.stringify({ ...whole, format: "x" }), /format: expected onestage-kernels-1, got x/],
    ["of another version", JSON.stringify({ ...whole, version: "0.9.0" }), /version: expected 1\.0\.0.*, got 0\.9\.0/],
    ["of another adapter", JSON.stringify({ ...whole, adapter: "b" }), /expected choices of a, got b/],
    ["without jobs", JSON.stringify({ ...whole, jobs: {} }), /jobs: expected a list/],
    ["with half a job", JSON.stringify({ ...whole, jobs: [{ key: "x" }] }), /jobs\[0\]: expected a tuned job, got/],
    ["with no job", JSON.stringify({ ...whole, jobs: [null] }), /jobs\[0\]: expected a tuned job, got null/],
    ["with bad times", JSON.stringify({ ...whole, jobs: [{ ...job("x"), seconds: { slow: "1" } }] }), /a tuned job/],
    ["with bad pins", JSON.stringify({ ...whole, pins: { conv2d: 1 } }), /pins: conv2d: expected a text, got 1/],
  ])("passes over a file that is %s with one warning, and replaces it", async (_, text, warning) => {
    const store = newStore();
    mkdirSync(store.folder, { recursive: true });
    writeFileSync(store.file("a"), text);
    const { jobs, warnings } = await read(store, "a");
    expect(jobs).toEqual([]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(warning);
    await put(store, "a", job("conv2d n=2"));
    expect(await read(store, "a")).toEqual({ jobs: ["conv2d n=2"], pins: {}, warnings: [] });
  });

  it("loses nothing when several write at once, and leaves nothing beside", async () => {
    const store = newStore();
    const keys = Array.from({ length: 24 }, (_, i) => `conv2d n=${i}`);
    let over = false;
    const reading = (async () => {
      for (; !over; await new Promise((resolve) => setTimeout(resolve, 1))) {
        expect((await read(store, "a")).warnings).toEqual([]);
      }
    })();
    await Promise.all(keys.map((key) => put(new TunedStore(store.folder, "1.0.0"), "a", job(key))));
    over = true;
    await reading;
    expect((await read(store, "a")).jobs.sort()).toEqual([...keys].sort());
    expect(readdirSync(store.folder)).toEqual([path.basename(store.file("a"))]);
  });

  it("takes over from a process that was killed while it wrote", async () => {
    const store = newStore();
    mkdirSync(store.folder, { recursive: true });
    const lock = `${store.file("a")}.lock`;
    writeFileSync(lock, "");
    utimesSync(lock, new Date(), new Date(Date.now() - 60_000));
    await put(store, "a", job("conv2d n=1"));
    expect((await read(store, "a")).jobs).toEqual(["conv2d n=1"]);
  });

  it("keeps what was there when a change fails", async () => {
    const store = newStore();
    await put(store, "a", job("conv2d n=1"));
    const before = readFileSync(store.file("a"), "utf8");
    const failing = store.update("a", () => {
      throw new OnestageError("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(readFileSync(store.file("a"), "utf8")).toBe(before);
    expect(readdirSync(store.folder)).toHaveLength(1);
  });

  it("says in one line that it cannot be written", async () => {
    const file = path.join(root, "file");
    writeFileSync(file, "");
    const store = new TunedStore(path.join(file, "kernels"), "1.0.0");
    await expect(put(store, "a", job("x"))).rejects.toThrow(/kernels: cannot create the folder: [^\n]+$/);
    await expect(put(store, "a", job("x"))).rejects.toBeInstanceOf(OnestageError);
  });
});

describe("the cache folder", () => {
  const absolute = path.resolve("caches");
  it.each([
    ["linux", { ONESTAGE_CACHE: absolute, XDG_CACHE_HOME: "/x", HOME: "/h" }, absolute],
    ["linux", { XDG_CACHE_HOME: absolute, HOME: "/h" }, path.join(absolute, "onestage")],
    ["linux", { XDG_CACHE_HOME: "relative", HOME: absolute }, path.join(absolute, ".cache", "onestage")],
    ["darwin", { HOME: absolute }, path.join(absolute, ".cache", "onestage")],
    ["win32", { LOCALAPPDATA: absolute, HOME: "/h" }, path.join(absolute, "onestage")],
    ["win32", { HOME: absolute }, null],
    ["linux", {}, null],
  ])("on %s with %j is %s", (platform, env, folder) => {
    expect(cacheFolder(env, platform)).toBe(folder);
  });
});
