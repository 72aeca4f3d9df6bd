import { describe, expect, it } from "vitest";
import { declaredSize } from "../../src/data/imageSize.ts";
import { encodePng } from "../../src/data/png.ts";
import { fitSample } from "../../src/data/resample.ts";
import { MAX_SIDE, type PixelSource, readPixels } from "../../src/infer/image.ts";
import { FormatError, UsageError } from "../../src/tensor/errors.ts";

const [width, height] = [37, 23];
// Every colour, so that no canvas may round or match any.
const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 89 + (i >> 3) * 7) % 256);
const rgba = (opacity = 255) =>
  Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) =>
    i % 4 === 3 ? opacity : rgb[3 * Math.floor(i / 4) + (i % 4)]!,
  );
const png = () => new Blob([encodePng({ width, height, data: rgb }) as Uint8Array<ArrayBuffer>], { type: "image/png" });

async function image(blob: Blob): Promise<HTMLImageElement> {
  const element = new Image();
  element.src = URL.createObjectURL(blob);
  return element;
}

function painted<C extends HTMLCanvasElement | OffscreenCanvas>(canvas: C): C {
  [canvas.width, canvas.height] = [width, height];
  (canvas.getContext("2d") as CanvasRenderingContext2D).putImageData(new ImageData(rgba(), width, height), 0, 0);
  return canvas;
}

const offscreen = () => painted(new OffscreenCanvas(1, 1));

async function video(): Promise<HTMLVideoElement> {
  const canvas = painted(document.createElement("canvas"));
  const element = document.createElement("video");
  element.muted = true;
  element.srcObject = canvas.captureStream();
  const shown = new Promise((resolve) => element.requestVideoFrameCallback(resolve));
  await element.play();
  await shown;
  return element;
}

const exact: Record<string, () => PixelSource | Promise<PixelSource>> = {
  "a Blob": png,
  "a File": () => new File([png()], "photo.png"),
  "an image that is still loading": () => image(png()),
  "an ImageBitmap": () => createImageBitmap(offscreen()),
  ImageData: () => new ImageData(rgba(), width, height),
  "a canvas": () => painted(document.createElement("canvas")),
  "an OffscreenCanvas": offscreen,
  "a frame": () => new VideoFrame(offscreen(), { timestamp: 0 }),
  "a video": video,
};

describe("readPixels", () => {
  it.each(Object.entries(exact))("reads %s", async (_, make) => {
    const source = await make();
    expect(await readPixels(source)).toEqual({ width, height, data: rgb });
    if (source instanceof VideoFrame) source.close();
  });

  it("resizes by the bits of the library, whatever the source", async () => {
    const sample = { name: "image", width, height, rgb, depth: new Uint16Array(width * height) };
    for (const size of [
      { width: 8, height: 8 },
      { width: 64, height: 20 },
      { width, height },
    ]) {
      const expected = { ...size, data: fitSample(sample, size).rgb };
      for (const make of [png, offscreen, exact["a video"]!]) {
        expect(await readPixels(await make(), size)).toEqual(expected);
      }
    }
  });

  it("lays what is transparent over white", async () => {
    const clear = await readPixels(new ImageData(rgba(0), width, height));
    expect(new Set(clear.data)).toEqual(new Set([255]));
    const half = await readPixels(new ImageData(rgba(51), width, height));
    expect([...half.data]).toEqual([...rgb].map((value) => Math.round(255 - 0.2 * (255 - value))));
    const data = Uint8Array.from(rgba(51));
    const file = await readPixels(new Blob([encodePng({ width, height, data }) as Uint8Array<ArrayBuffer>]));
    // A canvas keeps colours multiplied by their opacity, in 8 bits.
    for (const [i, value] of file.data.entries()) expect(Math.abs(value - half.data[i]!)).toBeLessThanOrEqual(1);
    expect(new Set((await readPixels(new OffscreenCanvas(2, 2))).data)).toEqual(new Set([255]));
  });

  it("reads the numbers of a file, not what a profile makes of them", async () => {
    // A gamma of 1 would make a screen show everything brighter.
    const bytes = new Uint8Array(await png().arrayBuffer());
    const gamma = [0, 0, 0, 4, 0x67, 0x41, 0x4d, 0x41, 0, 1, 0x86, 0xa0, 0x31, 0xe8, 0x96, 0x5f];
    const blob = new Blob([bytes.slice(0, 33), Uint8Array.from(gamma), bytes.slice(33)], { type: "image/png" });
    expect((await readPixels(blob)).data).toEqual(rgb);
    expect((await readPixels(await image(blob))).data).toEqual(rgb);
  });

  it("works in a worker", async () => {
    const worker = new Worker(new URL("./image.worker.ts", import.meta.url), { type: "module" });
    const ask = (source: PixelSource, transfer: Transferable[] = []) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage({ source }, transfer);
      });
    try {
      const expected = { width, height, data: rgb };
      expect(await ask(png())).toEqual(expected);
      const bitmap = await createImageBitmap(offscreen());
      expect(await ask(bitmap, [bitmap])).toEqual(expected);
      expect(await ask(new ImageData(rgba(), width, height))).toEqual(expected);
      const frame = new VideoFrame(offscreen(), { timestamp: 0 });
      expect(await ask(frame, [frame])).toEqual(expected);
      expect(await ask(new Blob(["no picture"]))).toMatchObject({ name: "FormatError" });
    } finally {
      worker.terminate();
    }
  });
});

/** A PNG that declares so many pixels and has none of them. */
async function bomb(declaredWidth: number, declaredHeight: number): Promise<Blob> {
  const bytes = new Uint8Array(await png().arrayBuffer());
  const view = new DataView(bytes.buffer);
  view.setUint32(16, declaredWidth);
  view.setUint32(20, declaredHeight);
  return new Blob([bytes]);
}

const hostile: Record<string, [make: () => PixelSource | Promise<PixelSource>, message: RegExp]> = {
  "an empty file": [() => new File([], "empty.png"), /^empty\.png: expected a whole picture, got /],
  "a text": [() => new Blob(["<html>"]), /^Blob: expected a whole picture, got /],
  "a drawing": [
    () => new Blob(["<svg xmlns='http://www.w3.org/2000/svg'/>"], { type: "image/svg+xml" }),
    /a whole picture/,
  ],
  "a file without its second half": [() => png().slice(0, 40), /a whole picture/],
  "a file with noise in it": [
    async () => new Blob([(await png().arrayBuffer()).slice(0, 60), new Uint8Array(999).fill(0xa5)]),
    /a whole picture/,
  ],
  "a declared size beyond all memory": [() => bomb(0x7fffffff, 0x7fffffff), /1 to 4096 pixels a side, got 2147483647x/],
  "a declared side too long": [() => bomb(MAX_SIDE + 1, 1), /1 to 4096 pixels a side, got 4097x1/],
  "a file of no pixels": [() => bomb(0, 5), /1 to 4096 pixels a side, got 0x5/],
  "a file too large": [
    () => new Blob(new Array(129).fill(new Uint8Array(2 ** 20))),
    /at most 134217728 bytes, got 135266304/,
  ],
  "a canvas too wide": [() => new OffscreenCanvas(MAX_SIDE + 1, 2), /^OffscreenCanvas: .* got 4097x2/],
  "a canvas without pixels": [() => new OffscreenCanvas(0, 2), /got 0x2/],
  "ImageData too high": [() => new ImageData(1, MAX_SIDE + 1), /^ImageData: .* got 1x4097/],
  "a closed bitmap": [
    async () => {
      const bitmap = await createImageBitmap(offscreen());
      bitmap.close();
      return bitmap;
    },
    /^ImageBitmap: .* got 0x0/,
  ],
  "a closed frame": [
    () => {
      const frame = new VideoFrame(offscreen(), { timestamp: 0 });
      frame.close();
      return frame;
    },
    /^VideoFrame: .* got 0x0/,
  ],
  "a broken image": [() => image(new Blob(["no picture"])), /^HTMLImageElement: expected a whole picture, got /],
  "an image without a source": [() => new Image(), /^HTMLImageElement: expected a whole picture, got /],
  "a video without a frame": [
    () => document.createElement("video"),
    /^HTMLVideoElement: expected a video that has a frame/,
  ],
};

describe("readPixels refuses in one sentence", () => {
  it.each(Object.entries(hostile))("%s", async (_, [make, message]) => {
    const source = await make();
    const error = await readPixels(source).then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error).toBeInstanceOf(FormatError);
    expect(error!.message).toMatch(message);
    expect(error!.message).not.toContain("\n");
  });

  it("a picture of another site", async () => {
    const { port, pathname } = new URL(import.meta.url);
    expect(pathname).toContain("test/infer/");
    const element = new Image();
    // The same server by another name is another site.
    element.src = `http://localhost:${port}/docs/report.png`;
    await expect(readPixels(element)).rejects.toThrow(/^HTMLImageElement: expected a picture that this page may read/);
  });

  it("what is no picture, and extents that are none", async () => {
    for (const source of ["photo.png", null, {}, new Uint8Array(4), document.createElement("p")]) {
      await expect(readPixels(source as unknown as Blob)).rejects.toThrow(UsageError);
    }
    for (const size of [{ width: 0, height: 4 }, { width: 1.5, height: 4 }, { width: 4 } as never]) {
      await expect(readPixels(png(), size)).rejects.toThrow("readPixels: expected extents in whole pixels, got");
    }
  });
});

it("what browsers encode declares its size where it is looked for", async () => {
  for (const type of ["image/png", "image/jpeg", "image/webp"]) {
    const blob = await offscreen().convertToBlob({ type });
    expect(blob.type).toBe(type);
    expect(declaredSize(new Uint8Array(await blob.arrayBuffer()))).toEqual({ width, height });
    const { data } = await readPixels(blob);
    if (type === "image/png") expect(data).toEqual(rgb);
  }
});
