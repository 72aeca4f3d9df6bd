import { afterEach, expect, it } from "vitest";
import { clearChoices, loadChoices, saveChoices } from "../../src/tensor/choicesStore.ts";

const original = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
afterEach(() => {
  if (original) Object.defineProperty(globalThis, "indexedDB", original);
  else Reflect.deleteProperty(globalThis, "indexedDB");
});

/** Makes the database what some browsers make of it. */
function instead(get: () => unknown): void {
  Object.defineProperty(globalThis, "indexedDB", { configurable: true, get });
}

const refusing = {
  open() {
    const request: Partial<IDBOpenDBRequest> = {
      error: new DOMException("not in private windows", "InvalidStateError"),
    };
    setTimeout(() => request.onerror!.call(request as IDBOpenDBRequest, new Event("error")));
    return request;
  },
};

it.each<[string, () => unknown, string]>([
  ["without IndexedDB", () => undefined, "there is no IndexedDB here"],
  ["that refuses in private windows", () => refusing, "not in private windows"],
  [
    "that forbids even to look",
    () => {
      throw new DOMException("access is denied", "SecurityError");
    },
    "access is denied",
  ],
])("nothing is remembered in a place %s, and nothing is thrown", async (_, get, reason) => {
  instead(get);
  expect(await loadChoices("a")).toEqual({ kernels: null, reason });
  expect(await saveChoices({ adapter: "a", choices: {}, pins: {} })).toBe(reason);
  expect(await clearChoices()).toBe(reason);
});
