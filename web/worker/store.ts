/** A place for a few named files that outlives the page; a file is there as a whole or not at all. */
export interface Store {
  /** What it is called before people. */
  readonly place: string;
  read(name: string): Promise<Uint8Array<ArrayBuffer> | null>;
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Removes every file. */
  clear(): Promise<void>;
}

const FOLDER = "onestage-run";

/** Opens the browser's private file system (OPFS), or IndexedDB where it cannot be written to. */
export async function openStore(): Promise<Store> {
  return (await openFiles().catch(() => null)) ?? openDatabase();
}

/** @throws DOMException where the browser has none, null where it cannot replace files as a whole */
async function openFiles(): Promise<Store | null> {
  const root = await navigator.storage.getDirectory();
  // Older Safari can only change files in place, where a crash would leave half of one.
  if (!("createWritable" in FileSystemFileHandle.prototype)) return null;
  const folder = () => root.getDirectoryHandle(FOLDER, { create: true });
  await folder();
  return {
    place: "this browser's private files",
    async read(name) {
      try {
        const file = await (await (await folder()).getFileHandle(name)).getFile();
        // What was being written for the first time when the page went away.
        return file.size === 0 ? null : new Uint8Array(await file.arrayBuffer());
      } catch (error) {
        if ((error as DOMException).name === "NotFoundError") return null;
        throw error;
      }
    },
    async write(name, bytes) {
      const handle = await (await folder()).getFileHandle(name, { create: true });
      // Written beside the file, which is replaced at the end.
      const stream = await handle.createWritable();
      await stream.write(bytes);
      await stream.close();
    },
    async clear() {
      const names: string[] = [];
      const list = (await folder()) as FileSystemDirectoryHandle & { keys(): AsyncIterable<string> };
      for await (const name of list.keys()) names.push(name);
      for (const name of names) await list.removeEntry(name);
    },
  };
}

const FILES = "files";

async function openDatabase(): Promise<Store> {
  const opening = indexedDB.open(FOLDER, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(FILES);
  const database = await settled(opening);
  const run = async <T>(mode: IDBTransactionMode, work: (files: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const transaction = database.transaction(FILES, mode, { durability: "strict" });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const result = await settled(work(transaction.objectStore(FILES)));
    await done;
    return result;
  };
  return {
    place: "this browser's database",
    read: async (name) => (await run("readonly", (files) => files.get(name))) ?? null,
    write: async (name, bytes) => void (await run("readwrite", (files) => files.put(bytes, name))),
    clear: async () => void (await run("readwrite", (files) => files.clear())),
  };
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
