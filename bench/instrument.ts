/** What an engine has asked of its WebGPU device. */
export interface Usage {
  dispatches: number;
  submits: number;
  bindGroups: number;
  pipelines: number;
  buffers: number;
  /** Bytes of the buffers made and not yet destroyed, and the most there were; idle buffers of a pool count. */
  liveBytes: number;
  peakBytes: number;
}

/** Replaces a method of one object by one that calls `before` first and `after` with the result. */
// biome-ignore lint/suspicious/noExplicitAny: any method of any WebGPU object
function watch(object: any, name: string, before: (args: any[]) => void, after?: (result: any) => void): void {
  const method = object[name];
  if (typeof method !== "function") return;
  const value = (...args: unknown[]) => {
    before(args);
    const result = method.apply(object, args);
    after?.(result);
    return result;
  };
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
}

/** Counts what is asked of a device from now on. */
export function instrument(device: GPUDevice): Usage {
  const usage: Usage = {
    dispatches: 0,
    submits: 0,
    bindGroups: 0,
    pipelines: 0,
    buffers: 0,
    liveBytes: 0,
    peakBytes: 0,
  };
  const count = (key: keyof Usage) => () => {
    usage[key]++;
  };
  const ignore = () => {};
  watch(device, "createBuffer", count("buffers"), (buffer: GPUBuffer) => {
    let bytes = buffer.size;
    usage.liveBytes += bytes;
    usage.peakBytes = Math.max(usage.peakBytes, usage.liveBytes);
    watch(buffer, "destroy", () => {
      usage.liveBytes -= bytes;
      bytes = 0;
    });
  });
  watch(device, "createBindGroup", count("bindGroups"));
  for (const name of ["createComputePipeline", "createComputePipelineAsync"]) watch(device, name, count("pipelines"));
  watch(device.queue, "submit", count("submits"));
  watch(device, "createCommandEncoder", ignore, (encoder: GPUCommandEncoder) => {
    watch(encoder, "beginComputePass", ignore, (pass: GPUComputePassEncoder) => {
      for (const name of ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"]) watch(pass, name, count("dispatches"));
    });
  });
  return usage;
}

/** Puts a WebGPU entry point where libraries for browsers look for it; says which device was requested last. */
export function installNavigator(
  gpu: GPU,
  globals: object,
): { lastDevice(): GPUDevice | null; usageOf(device: GPUDevice): Usage | null } {
  const usages = new Map<GPUDevice, Usage>();
  let last: GPUDevice | null = null;
  Object.assign(globalThis, globals);
  const entry = {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return null;
      const request = adapter.requestDevice.bind(adapter);
      Object.defineProperty(adapter, "requestDevice", {
        configurable: true,
        value: async (descriptor?: GPUDeviceDescriptor) => {
          last = await request(descriptor);
          usages.set(last, instrument(last));
          return last;
        },
      });
      return adapter;
    },
    getPreferredCanvasFormat: () => "bgra8unorm",
    wgslLanguageFeatures: gpu.wgslLanguageFeatures,
  };
  const value = { gpu: entry, userAgent: "node", hardwareConcurrency: 2, language: "en" };
  Object.defineProperty(globalThis, "navigator", { configurable: true, writable: true, value });
  return { lastDevice: () => last, usageOf: (device) => usages.get(device) ?? null };
}
