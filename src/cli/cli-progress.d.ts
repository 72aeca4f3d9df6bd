declare module "cli-progress" {
  /** Settings of a bar, of those that the package knows. */
  export interface BarOptions {
    stream: NodeJS.WritableStream;
    format: string;
    barsize: number;
    fps: number;
    hideCursor: boolean;
    linewrap: boolean;
    barCompleteChar: string;
    barIncompleteChar: string;
  }
  /** One bar on a terminal, redrawn in place. */
  export class SingleBar {
    constructor(options: Partial<BarOptions>);
    start(total: number, value: number, payload: Record<string, string>): void;
    update(value: number, payload: Record<string, string>): void;
    render(): void;
    stop(): void;
  }
  const _default: { SingleBar: typeof SingleBar };
  export default _default;
}
