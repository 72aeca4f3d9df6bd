/** What is known of the adapter behind a device. */
export interface AdapterFacts {
  vendor: string;
  architecture: string;
  description: string;
  /** Whether the arithmetic runs on the CPU (lavapipe, SwiftShader). */
  software: boolean;
}

/** What an adapter says about itself, and whether that is the name of one that runs on the CPU. */
export function factsOf(info: GPUAdapterInfo): AdapterFacts {
  const { vendor = "", architecture = "", description = "", device = "" } = info ?? {};
  const words = `${vendor} ${architecture} ${description} ${device}`.toLowerCase();
  const software = info?.isFallbackAdapter === true || /llvmpipe|lavapipe|swiftshader|software|mesa.*cpu/.test(words);
  return { vendor, architecture, description: description || device, software };
}
