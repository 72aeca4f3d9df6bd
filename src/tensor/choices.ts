import { type GpuDevice, SUBGROUP_MATRIX } from "./device.ts";
import { FormatError } from "./errors.ts";
import { families } from "./variant.ts";

/** Adapter and driver that choices hold for, and whether it has its matrix units switched on, as text. */
export function adapterKey({ adapter, gpu }: GpuDevice): string {
  const matrices = gpu.features.has(SUBGROUP_MATRIX) ? "subgroup matrices" : "";
  const parts = [adapter.vendor, adapter.architecture, gpu.adapterInfo?.device, adapter.description, matrices];
  return [...new Set(parts)].filter(Boolean).join(" / ") || "an adapter without a name";
}

/** Which variants kernel families use on one adapter, as plain data: the same choices give the same bits. */
export interface KernelChoices {
  /** The `adapterKey` of the adapter. */
  adapter: string;
  /** Variant by job, as tuning found it. */
  choices: Readonly<Record<string, string>>;
  /** Variant by family, as somebody wants it: it counts more. */
  pins: Readonly<Record<string, string>>;
}

/** No choices, for no adapter. */
export const noChoices: KernelChoices = { adapter: "", choices: {}, pins: {} };

/** The choices and pins in force on a device, in the order of their names. */
export function kernelChoices(device: GpuDevice): KernelChoices {
  return { adapter: adapterKey(device), choices: sorted(device.choices), pins: sorted(device.pinned) };
}

/**
 * Puts choices and pins in force on a device in place of all before, for what is recorded from now on. Those of another
 * adapter, and those of variants that do not exist, are left out.
 */
export function useChoices(device: GpuDevice, kernels: KernelChoices | null): void {
  device.choices.clear();
  device.pinned.clear();
  if (kernels?.adapter !== adapterKey(device)) return;
  const unknown = new Set(unknownChoices(kernels));
  for (const [job, variant] of Object.entries(kernels.choices)) {
    if (!unknown.has(job)) device.choices.set(job, variant);
  }
  for (const [family, variant] of Object.entries(kernels.pins)) {
    if (!unknown.has(family)) device.pinned.set(family, variant);
  }
}

/** The jobs and families whose variant does not exist, as in choices of another version. */
export function unknownChoices({ choices, pins }: KernelChoices): string[] {
  const known = ([name, variant]: [string, string]) => {
    const family = families().get(name.split(" ", 1)[0]!);
    return family !== undefined && Object.hasOwn(family.spec.variants, variant);
  };
  const unknown = [...Object.entries(choices), ...Object.entries(pins)].filter((entry) => !known(entry));
  return unknown.map(([name]) => name);
}

/** Reads choices from parsed JSON. @throws FormatError naming `origin` and the entry that is not as it should be. */
export function readChoices(json: unknown, origin: string): KernelChoices {
  const root = objectOf(json, origin);
  const { adapter } = root;
  if (typeof adapter !== "string") throw new FormatError(`${origin}: adapter`, "a text", show(adapter));
  return { adapter, choices: textsOf(root.choices, `${origin}: choices`), pins: textsOf(root.pins, `${origin}: pins`) };
}

function textsOf(json: unknown, origin: string): Record<string, string> {
  const object = objectOf(json, origin);
  for (const [name, value] of Object.entries(object)) {
    if (typeof value !== "string") throw new FormatError(`${origin}: ${name.slice(0, 60)}`, "a text", show(value));
  }
  return object as Record<string, string>;
}

function objectOf(json: unknown, origin: string): Record<string, unknown> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new FormatError(origin, "an object", show(json));
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}

function sorted(map: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}
