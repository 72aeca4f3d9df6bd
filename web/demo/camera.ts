/** The visitor's camera: gives a frame whenever the one before has been dealt with; those between are dropped. */
export class Camera {
  #stream: MediaStream | null = null;
  /** Counts starts and stops: whoever finds another number has been overtaken. */
  #turn = 0;
  #starting = false;

  /** `video` shows nothing: it decodes the stream. */
  constructor(private readonly video: HTMLVideoElement) {}

  /** Whether frames are coming, or the camera is being asked for. */
  get on(): boolean {
    return this.#starting || this.#stream !== null;
  }

  /**
   * Asks for the camera and hands frames, cut to a square, to `use` until it is stopped.
   * @throws Error in words for people if there is no camera, or it may not be used; not once it was stopped
   */
  async start(use: (frame: ImageBitmap) => Promise<void>): Promise<void> {
    this.stop();
    const turn = ++this.#turn;
    const overtaken = () => turn !== this.#turn;
    this.#starting = true;
    try {
      const stream = await openCamera();
      if (overtaken()) return letGo(stream);
      this.#stream = stream;
      this.#starting = false;
      this.video.srcObject = stream;
      await this.video.play();
      while (!overtaken()) {
        const { videoWidth, videoHeight } = this.video;
        const side = Math.min(videoWidth, videoHeight);
        const [x, y] = [(videoWidth - side) / 2, (videoHeight - side) / 2];
        const frame = await createImageBitmap(this.video, x, y, side, side);
        if (overtaken()) return frame.close();
        await use(frame);
        await nextFrame(this.video);
      }
    } catch (error) {
      if (!overtaken()) throw error;
    } finally {
      if (!overtaken()) this.stop();
    }
  }

  /** Lets the camera go. */
  stop(): void {
    this.#turn++;
    this.#starting = false;
    if (this.#stream) letGo(this.#stream);
    this.#stream = null;
    this.video.srcObject = null;
  }
}

function letGo(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
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
