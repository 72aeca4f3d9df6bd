import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { chooseAdapter } from "../../scripts/lib/adapter.mjs";
import { splitAdapterFlag } from "../../scripts/lib/launch.mjs";
import { fillOnce } from "../../scripts/lib/packaged.mjs";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Starts Node and collects what it says. */
function start(...args: string[]) {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => {
    said.stdout += text;
  });
  child.stderr.on("data", (text) => {
    said.stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, said, ended };
}

async function until(condition: () => boolean, what: string) {
  for (let waited = 0; waited < 20_000; waited += 50) {
    if (condition()) return;
    await sleep(50);
  }
  throw new Error(`waited in vain until ${what}`);
}

describe("a launched program", () => {
  const launch = (fixture: string, ...args: string[]) => start(here("fixtures/launch.mjs"), `./${fixture}`, ...args);
  const launchWorker = async (...args: string[]) => {
    const launched = launch("worker.mjs", ...args);
    await until(() => launched.said.stdout.includes("\n"), "the program starts");
    return { ...launched, pid: Number(launched.said.stdout.match(/pid (\d+)/)?.[1]) };
  };

  it("ends by itself when it has nothing left to do", async () => {
    const { said, ended } = launch("finished.mjs");
    expect(await ended).toBe(0);
    expect(said).toEqual({ stdout: "done\n", stderr: "" });
  });

  it("gets SIGINT once, though npm repeats it, and the launcher waits until it has saved", async () => {
    const { child, said, ended } = await launchWorker();
    child.kill("SIGINT");
    child.kill("SIGINT");
    await sleep(30);
    child.kill("SIGINT");
    expect(await ended).toBe(3);
    expect(said.stdout).toMatch(/saved after 1\n$/);
  });

  it("gets a second SIGINT when the user insists", async () => {
    const { child, said, ended } = await launchWorker("insisted");
    child.kill("SIGINT");
    await until(() => said.stdout.includes("asked 1"), "the first one arrives");
    await sleep(400); // longer than the time in which a second one is taken for npm's echo
    child.kill("SIGINT");
    expect(await ended).toBe(3);
    expect(said.stdout).toMatch(/saved after 2\n$/);
  });

  it("ends when the launcher is killed", async () => {
    const { child, ended } = await launchWorker();
    child.kill("SIGKILL");
    // The program holds the other end of our pipes: they close when it is gone, too.
    await ended;
    expect(child.signalCode).toBe("SIGKILL");
  });

  it("that is killed ends the launcher with 128 + 9 and a line that says so", async () => {
    const { pid, said, ended } = await launchWorker();
    process.kill(pid, "SIGKILL");
    expect(await ended).toBe(137);
    expect(said.stderr).toContain("SIGKILL");
  });
});

describe("the choice of an adapter", () => {
  it("takes --adapter out of the arguments", () => {
    expect(splitAdapterFlag(["info", "--adapter", "gpu", "--json"])).toEqual({
      adapter: "gpu",
      rest: ["info", "--json"],
    });
    expect(splitAdapterFlag(["info", "--adapter=gpu"])).toEqual({ adapter: "gpu", rest: ["info"] });
    expect(splitAdapterFlag(["info"])).toEqual({ adapter: undefined, rest: ["info"] });
  });

  it("refuses --adapter without a value, and an unknown name", () => {
    expect(() => splitAdapterFlag(["info", "--adapter"])).toThrow("--adapter expects gpu, lavapipe or swiftshader");
    expect(() => chooseAdapter("vulkan")).toThrow(
      'unknown adapter "vulkan"; expected one of gpu, lavapipe, swiftshader',
    );
  });

  it.runIf(process.platform === "linux" && process.arch === "x64")("can always be pinned to SwiftShader", () => {
    const { name, description, environment } = chooseAdapter("swiftshader");
    expect(name).toBe("swiftshader");
    expect(description).toContain("SwiftShader");
    expect(environment.ONESTAGE_ADAPTER_CHOSEN).toBe("swiftshader");
  });

  it("is an error on one line, with nothing on stdout, when it cannot be had", async () => {
    const { said, ended } = start(here("../../scripts/onestage.mjs"), "info", "--adapter", "vulkan");
    expect(await ended).toBe(2);
    expect(said.stdout).toBe("");
    expect(said.stderr).toMatch(/^onestage: unknown adapter "vulkan".*\n$/);
  });
});

describe("unpacking", () => {
  let folder: string;
  const inFolder = () => {
    folder = mkdtempSync(join(tmpdir(), "onestage-test-"));
    return join(folder, "unpacked");
  };
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("fills a folder once", () => {
    const target = inFolder();
    expect(fillOnce(target, (temporary: string) => writeFileSync(join(temporary, "a"), "1"))).toBe(true);
    expect(fillOnce(target, (temporary: string) => writeFileSync(join(temporary, "a"), "2"))).toBe(false);
    expect(readFileSync(join(target, "a"), "utf8")).toBe("1");
  });

  it("leaves nothing behind when it fails, and can be tried again", () => {
    const target = inFolder();
    const fail = (temporary: string) => {
      writeFileSync(join(temporary, "a"), "half");
      throw new Error("disk full");
    };
    expect(() => fillOnce(target, fail)).toThrow(/cannot unpack into .*unpacked: disk full/);
    expect(readdirSync(folder)).toEqual([]);
    expect(fillOnce(target, () => {})).toBe(true);
  });

  it("lets the first of two at once win", () => {
    const target = inFolder();
    const loser = fillOnce(target, (temporary: string) => {
      writeFileSync(join(temporary, "a"), "loser");
      fillOnce(target, (other: string) => writeFileSync(join(other, "a"), "winner"));
    });
    expect(loser).toBe(false);
    expect(readFileSync(join(target, "a"), "utf8")).toBe("winner");
    expect(readdirSync(folder)).toEqual(["unpacked"]);
  });
});
