import { readPixels } from "../../src/infer/image.ts";

// Answers each picture with its pixels, or with the name and the words of the error.
self.onmessage = async ({ data }) => {
  const answer = await readPixels(data.source, data.size).catch(({ name, message }: Error) => ({ name, message }));
  self.postMessage(answer);
};
