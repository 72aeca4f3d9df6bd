import { afterAll, beforeAll, describe, expect, it } from "vitest";
import matrixSource from "../../shaders/matmul_subgroup_matrix.wgsl";
import { matmul } from "../../src/kernels/matmul.ts";
import { fragmentTiles } from "../../src/kernels/tiles.ts";
import { type DType, defineKernel, GpuDevice, kernels, SUBGROUP_MATRIX, scope } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";

const flags = [false, true];
const transposed = flags.flatMap((a) => flags.map((b) => [a, b] as const));

/** Matrices of small whole numbers, whose products f32 sums exactly. */
const whole = (size: number) => Array.from({ length: size }, (_, i) => ((i * 7) % 11) - 5);

/** op(a)·op(b) on a device, with what is given for both operands. */
function multiply(device: GpuDevice, [rows, inner, cols]: number[], dtype: DType, which = transposed[0]!) {
  const [transposeA, transposeB] = which;
  const shapeA = transposeA ? [inner!, rows!] : [rows!, inner!];
  const shapeB = transposeB ? [cols!, inner!] : [inner!, cols!];
  const upload = (shape: number[]) => device.upload(whole(shape[0]! * shape[1]!), shape, dtype);
  return scope(() => matmul(upload(shapeA), upload(shapeB), { transposeA, transposeB }));
}

// Dawn aborts when what create() returns is collected while a device lives.
let dawn: GPU;
let lanes = 0;
let reason = "";
const opened: GPUDevice[] = [];

/**
 * A device of Dawn's null backend, which validates and computes nothing. Its adapter lists no products, so they are written
 * into its description, with subgroups of so many threads.
 */
async function nullDevice(sides: number[], subgroupSize = lanes): Promise<GpuDevice> {
  const adapter = (await dawn.requestAdapter())!;
  const gpu = await adapter.requestDevice({ requiredFeatures: [SUBGROUP_MATRIX, "shader-f16", "subgroups"] });
  opened.push(gpu);
  const subgroupMatrixConfigs = sides.map((side) => ({
    componentType: "f16",
    resultComponentType: "f32",
    M: side,
    N: side,
    K: side,
  }));
  const info = { subgroupMinSize: subgroupSize, subgroupMaxSize: subgroupSize, subgroupMatrixConfigs };
  Object.defineProperty(gpu, "adapterInfo", { value: info });
  const device = await GpuDevice.open({ device: gpu });
  device.pinned.set("matmul", "subgroupMatrix");
  return device;
}

/** What the device has against what `body` asks of it, and the pipelines that it made. */
async function validate(device: GpuDevice, body: () => unknown): Promise<{ error: string; pipelines: string[] }> {
  device.gpu.pushErrorScope("validation");
  body();
  device.stream.flush();
  const error = await device.gpu.popErrorScope();
  return { error: error?.message ?? "", pipelines: [...device.pipelines.keys()] };
}

describe("matmul by subgroup matrices on a device that only validates", () => {
  beforeAll(async () => {
    try {
      const { create } = (await import("webgpu")) as unknown as { create: (flags: string[]) => GPU };
      dawn = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
      const adapter = (await dawn.requestAdapter())!;
      lanes = (adapter.info as { subgroupMaxSize?: number }).subgroupMaxSize!;
      if (!adapter.features.has(SUBGROUP_MATRIX)) reason = `it does not offer ${SUBGROUP_MATRIX}`;
    } catch (cause) {
      reason = (cause as Error).message;
    }
  });
  afterAll(() => {
    for (const gpu of opened) gpu.destroy();
  });

  for (const side of [8, 16]) {
    it(`is valid with fragments of side ${side}, whatever is transposed`, async (context) => {
      if (reason) context.skip(`Dawn's null backend: ${reason}`);
      const device = await nullDevice([side]);
      // Tiles beyond the end in both directions.
      const extents = [5 * side, 2 * side, 3 * side];
      const run = () => transposed.map((which) => multiply(device, extents, "f16", which).dispose());
      expect(await validate(device, run)).toEqual({
        error: "",
        pipelines: transposed.map(
          ([a, b]) => `matmul_subgroup_matrix f16 LANES=${lanes} SIDE=${side} A_TRANSPOSED=${a} B_TRANSPOSED=${b}`,
        ),
      });
    });
  }

  it("is refused where a workgroup is not one subgroup: the device does validate", async (context) => {
    if (reason) context.skip(`Dawn's null backend: ${reason}`);
    const device = await nullDevice([8], lanes / 2);
    const { error } = await validate(device, () => multiply(device, [8, 8, 8], "f16").dispose());
    expect(error).toMatch(/maxSubgroupSize/);
  });

  it("gives way where elements are f32, extents do not divide, or the adapter lists no such product", async (context) => {
    if (reason) context.skip(`Dawn's null backend: ${reason}`);
    for (const [sides, extents, dtype] of [
      [[8, 16], [16, 16, 16], "f32"],
      [[8, 16], [16, 12, 16], "f16"],
      [[16], [16, 8, 16], "f16"],
      [[], [16, 16, 16], "f16"],
    ] as const) {
      const device = await nullDevice([...sides]);
      const { error, pipelines } = await validate(device, () => multiply(device, [...extents], dtype).dispose());
      expect(error).toBe("");
      expect(pipelines.filter((name) => name.startsWith("matmul_subgroup_matrix"))).toEqual([]);
      expect(pipelines).toHaveLength(1);
    }
  });

  it("takes the larger fragments where both divide, and is not taken unasked", async (context) => {
    if (reason) context.skip(`Dawn's null backend: ${reason}`);
    const device = await nullDevice([8, 16]);
    const run = (extents: number[]) => validate(device, () => multiply(device, extents, "f16").dispose());
    expect((await run([32, 32, 32])).pipelines).toEqual([expect.stringContaining("SIDE=16")]);
    expect((await run([32, 24, 32])).pipelines).toEqual([expect.anything(), expect.stringContaining("SIDE=8")]);
    device.pinned.clear();
    device.pipelines.clear();
    expect((await run([32, 32, 32])).pipelines).toEqual([expect.not.stringContaining("subgroup_matrix")]);
  });
});

/**
 * The shader with its matrix types and functions replaced by plain ones, in which every thread holds whole fragments: what is
 * left to check are its tiles, indices, transpositions and ends. It is no measure of what the matrix units themselves do. Loops
 * do not start at 0, because compilers that unroll them take seconds.
 */
const plain = `${matrixSource
  .replace(/subgroup_matrix_\w+<[^<>]*>/g, "Fragment")
  .replace(/subgroupMatrixLoad<Fragment, (\w+)>\(&(\w), /g, "load_$2_$1(")
  .replace(/subgroupMatrixStore<row_major>\(&sums, 0u, fragment, SIDE\)/g, "sums = fragment")
  .replace(/subgroupMatrixMultiplyAccumulate/g, "multiply_add")}
alias Fragment = array<f32, SIDE * SIDE>;
fn multiply_add(l: Fragment, r: Fragment, sum: Fragment) -> Fragment {
  var result = sum;
  for (var i = p.batches >> 31u; i < SIDE * SIDE * SIDE; i++) {
    result[i / SIDE] += l[i / (SIDE * SIDE) * SIDE + i % SIDE] * r[i % SIDE * SIDE + i / SIDE % SIDE];
  }
  return result;
}
${["a", "b"]
  .flatMap((matrix) => [
    [matrix, "row_major", "at + i / SIDE * stride + i % SIDE"],
    [matrix, "col_major", "at + i / SIDE + i % SIDE * stride"],
  ])
  .map(
    ([matrix, order, index]) => `fn load_${matrix}_${order}(at: u32, stride: u32) -> Fragment {
  var result: Fragment;
  for (var i = p.batches >> 31u; i < SIDE * SIDE; i++) {
    result[i] = ${matrix}[${index}];
  }
  return result;
}`,
  )
  .join("\n")}`;

describe("matmul by subgroup matrices with plain arithmetic in their place", () => {
  for (const [transposeA, transposeB] of transposed) {
    it(`multiplies a${transposeA ? " transposed" : ""} and b${transposeB ? " transposed" : ""}`, async () => {
      const device = await testDevice();
      const { spec } = kernels().get("matmul_subgroup_matrix")!;
      const kernel = defineKernel({ ...spec, name: `${spec.name} in plain arithmetic`, source: plain, enable: [] });
      const [SIDE, batches, rows, inner, cols] = [2, 2, 10, 6, 6];
      const a = whole(batches * rows * inner);
      const b = whole(batches * inner * cols);
      const [a_row, a_col] = transposeA ? [1, rows] : [inner, 1];
      const [b_row, b_col] = transposeB ? [1, inner] : [cols, 1];
      const expected = Array.from({ length: batches * rows * cols }, (_, at) => {
        const [batch, m, n] = [Math.floor(at / (rows * cols)), Math.floor(at / cols) % rows, at % cols];
        const term = (k: number) =>
          a[batch * rows * inner + m * a_row + k * a_col]! * b[batch * inner * cols + k * b_row + n * b_col]!;
        return Array.from({ length: inner }, (_, k) => term(k)).reduce((sum, value) => sum + value);
      });
      const tensors = {
        a: device.upload(a, [a.length]),
        b: device.upload(b, [b.length]),
        y: device.upload(
          expected.map(() => Number.NaN),
          [expected.length],
        ),
      };
      const [extent, tile] = fragmentTiles(device, SIDE, { rows, cols, times: batches });
      const constants = { ...tile, LANES: 2, A_TRANSPOSED: transposeA, B_TRANSPOSED: transposeB };
      kernel.run(device, tensors, { rows, inner, cols, a_row, a_col, b_row, b_col, batches }, extent, constants);
      expect([...(await tensors.y.read())]).toEqual(expected);
      for (const tensor of Object.values(tensors)) tensor.dispose();
    });
  }
});
