import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { fromHalf, toHalf } from "../../src/tensor/half.ts";
import { type GpuDevice, type Op, type Shape, scope, sizeOf, type Tensor } from "../../src/tensor/index.ts";
import { families } from "../../src/tensor/variant.ts";
import { testDevice } from "../device.ts";
import { type Arr, arr } from "../oracle/array.ts";
import { numericVjp } from "../oracle/gradient.ts";
import { oracles, oracleVjps } from "../oracle/index.ts";

/** One input of a case: f32 uniform in `range`, or `classes` random class indices, or given values. */
export interface Input {
  shape: Shape;
  range?: readonly [number, number];
  classes?: number;
  values?: readonly number[];
  /** False for inputs no gradient is wanted for (targets, running statistics). */
  gradient?: boolean;
}

/** One call of an op to check. */
export interface Case<Attrs> {
  name: string;
  inputs: (Shape | Input)[];
  attrs: Attrs;
}

/** What a suite checks an op with. */
export interface SuiteSpec<Attrs> {
  cases: Case<Attrs>[];
  /** Calls that must throw, with the message they must give. */
  bad: { name: string; run(device: GpuDevice): unknown; message: RegExp }[];
  /**
   * Largest forward error, in units of 2^-23 of the larger of the expected value and `scale` · largest expected value.
   * Source: the tolerance table of WebNN's conformance tests.
   */
  ulp: number | ((attrs: Attrs, shapes: Shape[]) => number);
  /** Share of the largest value that an error is measured against where values cancel; 0 for pointwise ops. */
  scale?: number;
  /** Kernel families behind the op: every variant is checked against the oracle. */
  families?: string[];
  /** False where a NaN in an input need not show in the output (integer results). */
  nan?: boolean;
  /** Replaces the oracle of the same name. */
  oracle?: (inputs: Arr[], attrs: Attrs) => Arr;
}

/** A suite as other checks see it: the parity check runs its cases in two runtimes. */
export interface Suite {
  op: Op;
  spec: SuiteSpec<unknown>;
}

const holder = globalThis as { onestageSuites?: Map<string, Suite> };
holder.onestageSuites ??= new Map();
/** All suites defined in this worker, by op name. */
export const suites: Map<string, Suite> = holder.onestageSuites;

/** Random inputs of a case, the same in every runtime; f32-representable. */
export function makeInputs(
  inputs: (Shape | Input)[],
  seed = 1,
): Required<Pick<Input, "shape" | "gradient">>[] & {
  data: Arr[];
  dtypes: ("f32" | "u32")[];
} {
  let state = (seed * 2654435761) >>> 0;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 16777216;
  };
  const specs = inputs.map((input) => ("shape" in input ? (input as Input) : { shape: input as Shape }));
  const data = specs.map(({ shape, range = [-1, 1], classes, values }) => {
    const size = sizeOf(shape);
    if (values) return arr(shape, values.map(Math.fround));
    const draw = classes
      ? () => Math.floor(random() * classes)
      : () => Math.fround(range[0] + (range[1] - range[0]) * random());
    return arr(shape, Array.from({ length: size }, draw));
  });
  const result = specs.map(({ shape, gradient = true, classes }) => ({
    shape,
    gradient: gradient && !classes,
  }));
  return Object.assign(result, {
    data,
    dtypes: specs.map(({ classes }) => (classes ? "u32" : "f32") as "f32" | "u32"),
  });
}

/** Inputs of a case with the elements that may be f16 rounded to what f16 holds. */
function roundedInputs(op: Op, inputs: (Shape | Input)[]) {
  const made = makeInputs(inputs);
  const { elements = [] } = op.definition;
  // Inputs that may be left out come last.
  for (const value of elements.map((i) => made.data[i])) if (value) value.data = value.data.map(roundToHalf);
  return made;
}

const roundToHalf = (value: number) => fromHalf(toHalf(value));

/**
 * Runs a case on a device: the output, and the gradients of all inputs for a fixed random gradient of the output. With
 * `half`, what may be f16 is.
 */
export async function runCase(device: GpuDevice, op: Op, test: Case<unknown>, half = false) {
  const { data, dtypes, ...specs } = half ? roundedInputs(op, test.inputs) : makeInputs(test.inputs);
  const dtype = (i: number) => (half && op.definition.elements!.includes(i) ? "f16" : dtypes[i]);
  const tensors = scope(() => {
    const inputs = data.map((value, i) => device.upload(value.data, value.shape, dtype(i)));
    for (const [i, input] of inputs.entries())
      input.requiresGrad = op.differentiable && (specs as unknown as { gradient: boolean }[])[i]!.gradient;
    const output = op.apply(inputs, test.attrs);
    const dyData = makeInputs([output.shape], 77).data[0]!;
    let gradients: (Tensor | null)[] = [];
    if (output.node) {
      const dy = device.upload(dyData.data, output.shape, output.dtype);
      gradients = op
        .backward(
          output.node,
          dy,
          inputs.map((input) => input.requiresGrad),
        )
        .map((g, i) => (inputs[i]!.requiresGrad ? g : null));
    }
    return { output, gradients };
  });
  const halves = [tensors.output, ...tensors.gradients].map((tensor) => tensor?.dtype === "f16");
  const output = await tensors.output.read();
  const gradients = await Promise.all(tensors.gradients.map((g) => g?.read() ?? null));
  const { shape } = tensors.output;
  tensors.output.dispose();
  for (const g of tensors.gradients) g?.dispose();
  return { shape, output, gradients, halves };
}

/** A hash of the bits of an array (FNV-1a). */
export function hashBits(data: Float32Array | Uint32Array): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let hash = 2166136261;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Defines the whole suite of an op: oracle, gradients, variants, workgroup sizes, bad input, leaks, NaN. */
export function opSuite<Attrs>(op: Op<Attrs>, spec: SuiteSpec<Attrs>): void {
  suites.set(op.name, {
    op: op as Op,
    spec: spec as unknown as SuiteSpec<unknown>,
  });
  const oracle = spec.oracle ?? (oracles[op.name] as (inputs: Arr[], attrs: Attrs) => Arr);
  const analytic = spec.oracle ? undefined : oracleVjps[op.name];
  const anyOp = op as Op;

  describe(op.name, () => {
    let device: GpuDevice;
    beforeAll(async () => {
      device = await testDevice();
    });
    afterEach(() => {
      device.pinned.clear();
      device.workgroupSize = null;
    });

    const check = async (test: Case<Attrs>, half = false) => {
      const { data, ...specs } = half ? roundedInputs(anyOp, test.inputs) : makeInputs(test.inputs);
      const wants = specs as unknown as { gradient: boolean }[];
      const result = await runCase(device, anyOp, test as Case<unknown>, half);
      // A result that is stored as f16 is rounded once more.
      const rounding = (which: number, want: number) =>
        result.halves[which] ? Math.max(2 ** -11 * Math.abs(want), 2 ** -25) : 0;
      const expected = oracle(data, test.attrs);
      expect([...result.shape]).toEqual(expected.shape);
      const ulp =
        typeof spec.ulp === "number"
          ? spec.ulp
          : spec.ulp(
              test.attrs,
              data.map((d) => d.shape),
            );
      const largest = expected.data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      for (const [i, want] of expected.data.entries()) {
        const unit = Math.max(Math.abs(want), (spec.scale ?? 0) * largest, 2 ** -126) * 2 ** -23;
        const error = Math.max(0, Math.abs(result.output[i]! - want) - rounding(0, want)) / unit;
        if (!(error <= ulp))
          expect.fail(
            `output ${i}: expected ${want} within ${ulp} ulp, got ${result.output[i]} (${error.toFixed(1)} ulp)`,
          );
      }
      if (!op.differentiable) return result;
      const dy = makeInputs([expected.shape], 77).data[0]!;
      if (result.halves[0]) dy.data = dy.data.map(roundToHalf);
      const exact = analytic?.(data, test.attrs as never, dy);
      for (const [which, input] of data.entries()) {
        if (!wants[which]!.gradient) continue;
        const got = result.gradients[which];
        if (!got) expect.fail(`no gradient for input ${which}`);
        expect(got.length).toBe(input.data.length);
        // Every element where an analytic gradient is there; a spread of 300 where central differences are all there is.
        const step = exact?.[which] ? 1 : Math.ceil(input.data.length / 300);
        const indices = Array.from({ length: Math.ceil(input.data.length / step) }, (_, k) => k * step);
        const want =
          exact?.[which] ??
          numericVjp(oracle as never, data, test.attrs as never, which, dy, {
            indices,
          });
        const peak = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        for (const [k, i] of indices.entries()) {
          const error = Math.abs(got[i]! - want[k]!) - rounding(1 + which, want[k]!);
          const bound = 1e-4 * Math.max(Math.abs(want[k]!), 1e-3 * peak, 1e-30);
          if (!(error <= bound)) expect.fail(`gradient of input ${which} at ${i}: expected ${want[k]}, got ${got[i]}`);
        }
      }
      return result;
    };

    for (const test of spec.cases) it(`${test.name}: value and gradients`, () => check(test).then(() => {}));

    for (const name of spec.families ?? []) {
      it(`all variants of ${name} agree with the oracle`, async () => {
        const family = families().get(name);
        expect(family?.names.length).toBeGreaterThan(1);
        for (const variant of family!.names) {
          device.pinned.set(name, variant);
          for (const test of spec.cases) await check(test);
        }
      });
    }

    if (op.definition.elements) {
      const variants = (spec.families ?? []).flatMap((name) =>
        families()
          .get(name)!
          .names.map((variant) => [name, variant] as const),
      );
      for (const [name, variant] of variants.length > 0 ? variants : [[null, ""] as const]) {
        it(`computes in f32 where its elements are f16${name ? `: ${name} as ${variant}` : ""}`, async (context) => {
          if (!device.gpu.features.has("shader-f16")) context.skip("the adapter has no shader-f16");
          if (name) device.pinned.set(name, variant);
          for (const test of spec.cases) await check(test, true);
        });
      }
    }

    it("gives the same bits for every workgroup size", async () => {
      const test = spec.cases[0]! as Case<unknown>;
      const before = await runCase(device, anyOp, test);
      for (const size of [32, 128]) {
        device.workgroupSize = size;
        const after = await runCase(device, anyOp, test);
        expect(hashBits(after.output)).toBe(hashBits(before.output));
        for (const [i, g] of after.gradients.entries()) if (g) expect(hashBits(g)).toBe(hashBits(before.gradients[i]!));
      }
    });

    it("leaves no buffer behind", async () => {
      const before = device.pool.memory();
      for (const test of spec.cases) await runCase(device, anyOp, test as Case<unknown>);
      const after = device.pool.memory();
      expect(after.liveBuffers).toBe(before.liveBuffers);
      expect(after.liveBytes).toBe(before.liveBytes);
    });

    if (spec.nan !== false) {
      it("lets NaN and infinity show", async () => {
        const test = spec.cases[0]!;
        const { data, dtypes } = makeInputs(test.inputs);
        for (const [which, dtype] of dtypes.entries()) {
          if (dtype === "u32" || data[which]!.data.length === 0) continue;
          for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
            const values = Float32Array.from(data[which]!.data);
            values[Math.floor(values.length / 2)] = poison;
            const output = scope(() =>
              op.apply(
                data.map((d, i) => device.upload(i === which ? values : d.data, d.shape, dtypes[i])),
                test.attrs,
              ),
            );
            const bits = new Uint32Array((await output.read()).buffer);
            output.dispose();
            const shows = bits.some((b) => (b & 0x7fffffff) >= 0x7f800000);
            // An infinity may give a finite result (1/∞, a softmax), NaN may not.
            if (Number.isNaN(poison)) expect(shows, `NaN in input ${which}`).toBe(true);
          }
        }
      });
    }

    for (const bad of spec.bad) {
      it(`refuses ${bad.name}`, () => {
        let error: unknown;
        try {
          scope(() => bad.run(device) as undefined);
        } catch (cause) {
          error = cause;
        }
        expect(error, "an error").toBeInstanceOf(Error);
        expect((error as Error).name).toMatch(/ShapeError|OutOfMemoryError|UsageError/);
        expect((error as Error).message).toContain(op.name);
        expect((error as Error).message).toMatch(bad.message);
      });
    }
  });
}
