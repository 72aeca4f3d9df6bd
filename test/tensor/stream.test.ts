import { expect, it } from "vitest";
import { expectation } from "../../src/tensor/stream.ts";

it("expects nothing after the first time, which also compiled", () => {
  expect(expectation(undefined, 3000, 3000)).toBe(0);
  expect(expectation(0, 80, 80)).toBe(80);
});

it("follows what the work takes", () => {
  let expected = 80;
  for (let i = 0; i < 10; i++) expected = expectation(expected, 100, 100 - 0.9 * expected);
  expect(expected).toBe(100);
});

it("finds its way back from a sleep that was too long", () => {
  let expected = 800;
  for (let i = 0; i < 4; i++) expected = expectation(expected, 0.9 * expected, 0.2);
  expect(expected).toBe(50);
  // Little by little where the work is short: polling takes as much from it as a millisecond's sleep too long.
  expect(expectation(10, 9, 0.2)).toBe(9);
});

it("is not impressed by a process that was suspended for an hour", () => {
  expect(expectation(100, 3_600_000, 3_599_910)).toBe(150);
  expect(expectation(0, 3_600_000, 3_600_000)).toBe(1000);
});
