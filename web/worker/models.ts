import { OnestageError, UsageError } from "../../src/tensor/errors.ts";

/** A file of the networks that come with the pages. @throws OnestageError if it cannot be fetched */
export async function fetchModel(name: string): Promise<Uint8Array> {
  const response = await fetch(new URL(`../models/${name}`, import.meta.url)).catch((error) => {
    throw new OnestageError(`${name}: expected the network that comes with this page, got: ${error.message}`);
  });
  if (!response.ok)
    throw new UsageError(`${name}: expected the network that comes with this page, got ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
