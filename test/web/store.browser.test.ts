import { afterEach, describe, expect, it, vi } from "vitest";
import { openStore } from "../../web/worker/store.ts";

afterEach(() => vi.restoreAllMocks());

const bytes = (...values: number[]) => new Uint8Array(values);

describe.each([
  ["private files", false],
  ["database", true],
])("a store in %s", (place, denied) => {
  it("keeps whole files until they are replaced or removed", async () => {
    if (denied) vi.spyOn(navigator.storage, "getDirectory").mockRejectedValue(new DOMException("denied"));
    const store = await openStore();
    expect(store.place).toBe(`this browser's ${place}`);
    await store.clear();
    expect(await store.read("a")).toBe(null);
    await store.write("a", bytes(1, 2, 3));
    await store.write("b", bytes(4));
    await store.write("a", bytes(5));
    expect(await (await openStore()).read("a")).toEqual(bytes(5));
    expect(await store.read("b")).toEqual(bytes(4));
    await store.clear();
    expect(await store.read("a")).toBe(null);
    expect(await store.read("b")).toBe(null);
  });
});
