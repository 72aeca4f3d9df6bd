/** The visitor's camera: gives a frame whenever the one before has been dealt with; those between are dropped. */
export class Camera {
  #stream: MediaStream | null = null;

  /** `video` shows nothing: it decodes the stream. */
  constructor(private readonly video: HTMLVideoElement) {}

  /** Whether frames are coming. */
  get on(): boolean {
    return this.#stream !== null;
  }

  /**
   * Asks for the camera and hands frames, cut to a square, to `use` until it is stopped.
   * @throws Error in words for people if there is no camera, or it may not be used
   */
  async start(use: (frame: ImageBitmap) => Promise<void>): Promise<void> {
    const stream = await openCamera();
    this.#stream = stream;
    this.video.srcObject = stream;
    try {
      await this.video.play();
      while (this.#stream === stream) {
        const { videoWidth, videoHeight } = this.video;
        const side = Math.min(videoWidth, videoHeight);
        const [x, y] = [(videoWidth - side) / 2, (videoHeight - side) / 2];
        await use(await createImageBitmap(this.video, x, y, side, side));
        await nextFrame(this.video);
      }
    } finally {
      if (this.#stream === stream) this.stop();
    }
  }

  /** Lets the camera go. */
  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
  }
}

async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new Error("The camera can be used over https or from this computer only.");
  try {
    const video = { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } };
    return await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    const { name, message } = error as DOMException;
    if (name === "NotAllowedError")
      throw new Error("The camera was not allowed; the browser's address bar can change that.");
    if (name === "NotFoundError" || name === "OverconstrainedError") throw new Error("No camera was found.");
    throw new Error(`The camera could not be opened: ${message}`);
  }
}

/** The next frame of a video, or a moment later where there is none any more. */
function nextFrame(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 500);
    video.requestVideoFrameCallback(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
