import { describe, expect, it } from "vitest";
import activation from "../golden/activation.json";
import basicBlock from "../golden/basic_block.json";
import batchNorm from "../golden/batch_norm.json";
import conv2d from "../golden/conv2d.json";
import crossEntropy from "../golden/cross_entropy.json";
import klDivergence from "../golden/kl_divergence.json";
import mmd from "../golden/mmd.json";
import pool from "../golden/pool.json";
import resize from "../golden/resize.json";
import { type Arr, arr, maxDifference, scalar } from "./array.ts";
import { type GoldenArray, type GoldenCase, golden } from "./golden.ts";
import { numericVjp } from "./gradient.ts";
import { batchNormRunning, oracles, oracleVjps } from "./index.ts";

// The files hold 13 digits; central differences lose about half of float64's.
const exact = 1e-11;
const numeric = 1e-8;

function expectClose(actual: Arr | Float64Array | null, expected: Arr, tolerance: number): void {
  if (actual === null) throw new Error("an array was expected, null came");
  const array = actual instanceof Float64Array ? arr(expected.shape, actual) : actual;
  expect(maxDifference(array, expected)).toBeLessThan(tolerance);
}

describe("oracles give the values and gradients of PyTorch", () => {
  it.each(Object.entries(conv2d as Record<string, GoldenCase>))(
    "conv2d %s",
    (_, { attrs, inputs, y, dy, gradients }) => {
      const point = inputs.map(golden);
      expectClose(oracles.conv2d(point, attrs), golden(y), exact);
      const analytic = oracleVjps.conv2d(point, attrs, golden(dy));
      expect(analytic).toHaveLength(gradients.length);
      gradients.forEach((gradient, which) => {
        expectClose(analytic[which], golden(gradient), exact);
        expectClose(numericVjp(oracles.conv2d, point, attrs, which, golden(dy)), golden(gradient), numeric);
      });
    },
  );

  it.each(Object.entries({ ...pool, ...resize }))("%s", (name, { op, attrs, inputs, y, dy, gradients }) => {
    const point = inputs.map(golden);
    expectClose(oracles[op](point, attrs), golden(y), exact);
    if (name.includes("ties")) return; // no derivative exists where values tie
    expectClose(numericVjp(oracles[op], point, attrs, 0, golden(dy)), golden(gradients[0]), numeric);
  });

  it.each(Object.entries(activation.functions))("%s", (name, { attrs, y, dx }) => {
    const x = golden(activation.x);
    expectClose(oracles[name]([x], attrs), golden(y), exact);
    const smooth = x.data.map((_, i) => i).filter((i) => x.data[i] !== 0);
    const derivative = numericVjp(oracles[name], [x], attrs, 0, arr(x.shape, 1), { indices: Array.from(smooth) });
    expectClose(
      derivative,
      arr(
        [smooth.length],
        Array.from(smooth, (i) => dx.data[i]),
      ),
      numeric,
    );
  });

  it.each(Object.entries(crossEntropy))("cross entropy, %s", (_, { attrs, inputs, loss, dlogits }) => {
    const point = inputs.map(golden);
    expectClose(oracles.crossEntropy(point, attrs), scalar(loss), exact);
    const [analytic] = oracleVjps.crossEntropy(point, attrs, scalar(1));
    expectClose(analytic, golden(dlogits), exact);
    expectClose(numericVjp(oracles.crossEntropy, point, attrs, 0, scalar(1)), golden(dlogits), numeric);
  });

  it.each(Object.entries(klDivergence))(
    "Kullback-Leibler divergence, %s",
    (_, { attrs, inputs, loss, ...expected }) => {
      const point = inputs.map(golden);
      expectClose(oracles.klDivergence(point, attrs), scalar(loss), exact);
      const analytic = oracleVjps.klDivergence(point, attrs, scalar(1));
      [expected.dstudent, expected.dteacher].forEach((gradient, which) => {
        expectClose(analytic[which], golden(gradient), exact);
        expectClose(numericVjp(oracles.klDivergence, point, attrs, which, scalar(1)), golden(gradient), numeric);
      });
    },
  );

  it.each(Object.entries(mmd))("maximum mean discrepancy, %s", (_, { attrs, inputs, loss, ...expected }) => {
    const point = inputs.map(golden);
    expectClose(oracles.mmd(point, attrs), scalar(loss), exact);
    const analytic = oracleVjps.mmd(point, attrs, scalar(1));
    [expected.dsource, expected.dtarget].forEach((gradient, which) => {
      expectClose(analytic[which], golden(gradient), exact);
      expectClose(numericVjp(oracles.mmd, point, attrs, which, scalar(1)), golden(gradient), numeric);
    });
  });
});

describe("batch norm follows PyTorch", () => {
  const { momentum, eps } = batchNorm;
  const gamma = golden(batchNorm.gamma);
  const beta = golden(batchNorm.beta);

  function expectGradients(inputs: Arr[], attrs: object, dy: Arr, expected: Arr[]): void {
    const analytic = oracleVjps.batchNorm(inputs, attrs, dy);
    expected.forEach((gradient, which) => {
      expectClose(analytic[which], gradient, exact);
      expectClose(numericVjp(oracles.batchNorm, inputs, attrs, which, dy), gradient, numeric);
    });
    expect(analytic.slice(3)).toEqual([null, null]);
  }

  it("over three training steps and one evaluation", () => {
    let runningMean = arr([3], 0);
    let runningVar = arr([3], 1);
    for (const step of batchNorm.steps) {
      const inputs = [golden(step.x), gamma, beta, runningMean, runningVar];
      const attrs = { training: true, momentum, eps };
      expectClose(oracles.batchNorm(inputs, attrs), golden(step.y), exact);
      expectGradients(inputs, attrs, golden(step.dy), [golden(step.dx), golden(step.dgamma), golden(step.dbeta)]);
      const running = batchNormRunning(inputs, attrs);
      expectClose(running.mean, golden(step.runningMean), exact);
      expectClose(running.variance, golden(step.runningVar), exact);
      runningMean = running.mean;
      runningVar = running.variance;
    }
    const { x, y, dy, dx, dgamma, dbeta } = batchNorm.evaluation;
    const inputs = [golden(x), gamma, beta, runningMean, runningVar];
    const attrs = { training: false, momentum, eps };
    expectClose(oracles.batchNorm(inputs, attrs), golden(y), exact);
    expectGradients(inputs, attrs, golden(dy), [golden(dx), golden(dgamma), golden(dbeta)]);
  });
});

describe("a ResNet basic block composed of oracles gives the values and gradients of PyTorch", () => {
  const params: Record<string, GoldenArray> = basicBlock.params;
  const dparams: Record<string, GoldenArray> = basicBlock.dparams;
  const names = Object.keys(params);
  const inputs = [golden(basicBlock.x), ...names.map((name) => golden(params[name]))];

  function block(point: Arr[]): Arr {
    const parameter = (name: string) => point[1 + names.indexOf(name)];
    const convNorm = (name: string, x: Arr, stride: number, padding: number) => {
      const attrs = { stride: [stride, stride], padding: [padding, padding] };
      const y = oracles.conv2d([x, parameter(`${name}.weight`)], attrs);
      return oracles.batchNorm([y, parameter(`${name}.gamma`), parameter(`${name}.beta`)], {
        training: true,
        eps: basicBlock.eps,
      });
    };
    const hidden = oracles.relu([convNorm("conv1", point[0], 2, 1)]);
    const residual = convNorm("conv2", hidden, 1, 1);
    return oracles.relu([oracles.add([residual, convNorm("shortcut", point[0], 2, 0)])]);
  }

  it("values", () => expectClose(block(inputs), golden(basicBlock.y), exact));

  it.each(["x", ...names])("gradient of %s", (name) => {
    const expected = name === "x" ? basicBlock.dx : dparams[name];
    const which = ["x", ...names].indexOf(name);
    expectClose(numericVjp(block, inputs, undefined, which, golden(basicBlock.dy)), golden(expected), numeric);
  });
});
