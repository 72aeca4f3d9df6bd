declare module "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs" {
  /** One image at a time; `delete` gives its memory back. Damaged data end in a thrown number. */
  export interface JpegDecoder {
    getEncodedBuffer(size: number): Uint8Array;
    decode(): void;
    getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number };
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  export default function load(): Promise<{ JPEGDecoder: new () => JpegDecoder }>;
}
