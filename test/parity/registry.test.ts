import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { registry } from "../../src/kernels/index.ts";
import { bundle, scratchScript } from "./bundle.ts";

const script = scratchScript();
afterAll(script.remove);

it("every op has a suite, and every suite an op", async () => {
  await bundle("node", `export { suites } from "../kernels/suite.ts";`, script.path);
  const { suites } = await import(pathToFileURL(script.path).href);
  const names = [...registry().keys()].sort();
  expect(names.length).toBeGreaterThanOrEqual(45);
  expect([...suites.keys()].sort()).toEqual(names);
});
