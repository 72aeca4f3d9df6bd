import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "./harness.ts";
import { bundledProgram } from "./process.ts";

const bundle = bundledProgram();
const folder = temporaryFolder();

it("a training goes on when nobody reads what it says any more", async () => {
  const run = path.join(folder, "run");
  const quick = ["--scenes", "32,8,8", "--size", "16", "--epochs", "3", "--batch", "16", "--methods", "rgb-only"];
  const child = spawn(process.execPath, [bundle, "train", ...quick, "--out", run], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.once("data", () => child.stderr.destroy());
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(readFileSync(path.join(run, "metrics.jsonl"), "utf8").trim().split("\n")).toHaveLength(3);
});

it.skipIf(!existsSync("/dev/full"))("an answer that cannot be written is a failure", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [bundle, "--help"], { stdio: ["ignore", full, "pipe"] });
  closeSync(full);
  let said = "";
  child.stderr!.on("data", (text) => {
    said += text;
  });
  expect(await once(child, "close")).toEqual([1, null]);
  expect(said).toMatch(/^onestage: cannot write to stdout: ENOSPC/m);
});
