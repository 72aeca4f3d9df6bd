import { type KernelChoices, readChoices } from "./choices.ts";
import { FormatError } from "./errors.ts";
import { VERSION } from "./version.ts";

/** What a browser remembers of an adapter: its kernel choices, or why it has none. */
export interface RememberedChoices {
  /** Null if none are remembered. */
  kernels: KernelChoices | null;
  /** What is wrong: no database to be had, or damaged content; null if nothing is. */
  reason: string | null;
}

const DATABASE = "onestage-kernels";
const STORE = "adapters";
const FORMAT = "onestage-kernels-1";

/**
 * The kernel choices that this browser remembers for an adapter (its `adapterKey`), for `useChoices`. Those of another version,
 * and damaged ones, count as none.
 */
export async function loadChoices(adapter: string): Promise<RememberedChoices> {
  try {
    const found = await transact("readonly", (store) => store.get(adapter));
    return { kernels: found === undefined ? null : checked(found, adapter), reason: null };
  } catch (error) {
    return { kernels: null, reason: reasonOf(error) };
  }
}

/**
 * Remembers kernel choices (of `kernelChoices`) in place of those before for the same adapter.
 * @returns why it cannot, null if it did
 */
export async function saveChoices(kernels: KernelChoices): Promise<string | null> {
  const { adapter, choices, pins } = kernels;
  const record = { format: FORMAT, version: VERSION, adapter, choices, pins };
  return changed((store) => store.put(record, adapter));
}

/** Forgets the kernel choices for an adapter, or for all. @returns why it cannot, null if it did */
export async function clearChoices(adapter?: string): Promise<string | null> {
  return changed((store) => (adapter === undefined ? store.clear() : store.delete(adapter)));
}

/** @throws FormatError naming what is not as it should be */
function checked(found: unknown, adapter: string): KernelChoices {
  const { format, version } = (found ?? {}) as Record<string, unknown>;
  const origin = "remembered kernel choices";
  if (format !== FORMAT) throw new FormatError(`${origin}: format`, FORMAT, `${format}`.slice(0, 60));
  if (version !== VERSION)
    throw new FormatError(`${origin}: version`, `${VERSION}, this one`, `${version}`.slice(0, 60));
  const kernels = readChoices(found, origin);
  if (kernels.adapter !== adapter) throw new FormatError(`${origin}: adapter`, adapter, kernels.adapter.slice(0, 60));
  return kernels;
}

async function changed(change: (store: IDBObjectStore) => IDBRequest): Promise<string | null> {
  try {
    await transact("readwrite", change);
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Runs one request in a transaction of its own, and waits until what it wrote is there to stay. */
async function transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Even looking is forbidden in a frame without an origin: that throws, and so rejects.
    if (!globalThis.indexedDB) throw new Error("there is no IndexedDB here");
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

function reasonOf(error: unknown): string {
  return (error as Error | null)?.message || String(error);
}
