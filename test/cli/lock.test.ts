import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { LOCK_FILE, lockFolder } from "../../src/cli/lock.ts";
import { temporaryFolder } from "./harness.ts";

const folder = temporaryFolder();
const file = path.join(folder, LOCK_FILE);

it("is held by one, and given back", async () => {
  const release = await lockFolder(folder);
  expect(readFileSync(file, "utf8")).toContain(`@${hostname()}`);
  await expect(lockFolder(folder)).rejects.toThrow(`one that process ${process.pid} trains into`);
  await release();
  expect(existsSync(file)).toBe(false);
});

it("is respected on another machine as long as it is touched, and taken over after that", async () => {
  writeFileSync(file, "1 1@elsewhere");
  await expect(lockFolder(folder, "writes")).rejects.toThrow("expected a folder that nobody writes");
  const longAgo = new Date(Date.now() - 4 * 60_000);
  utimesSync(file, longAgo, longAgo);
  const release = await lockFolder(folder);
  expect(readFileSync(file, "utf8")).not.toContain("elsewhere");
  await release();
});

it("is taken over at once from a process of this machine that is gone", async () => {
  for (const gone of ["999999999 1", `999999999 1@${hostname()}`, `${process.pid} 1@${hostname()}`]) {
    writeFileSync(file, gone);
    await (await lockFolder(folder))();
  }
  expect(existsSync(file)).toBe(false);
});
