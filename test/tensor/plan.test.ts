import fc from "fast-check";
import { expect, it } from "vitest";
import { type Lifetime, liveBytes, planMemory } from "../../src/tensor/plan.ts";

const lifetime = fc
  .record({ bytes: fc.integer({ min: 1, max: 40 }), first: fc.nat(30), length: fc.nat(12) })
  .map(({ bytes, first, length }) => ({ bytes: 256 * bytes, first, last: first + length }));

it("never puts two storages that live at once into one block, nor one into a block that is too small", () => {
  fc.assert(
    fc.property(fc.array(lifetime, { maxLength: 40 }), (lifetimes) => {
      const { blockOf, blocks } = planMemory(lifetimes);
      for (const [i, a] of lifetimes.entries()) {
        expect(blocks[blockOf[i]!]).toBeGreaterThanOrEqual(a.bytes);
        for (const [j, b] of lifetimes.entries()) {
          if (j > i && blockOf[i] === blockOf[j]) expect(a.last < b.first || b.last < a.first).toBe(true);
        }
      }
      const total = blocks.reduce((sum, bytes) => sum + bytes, 0);
      const most = liveBytes(lifetimes, 50).reduce((peak, bytes) => Math.max(peak, bytes), 0);
      expect(total).toBeGreaterThanOrEqual(most);
      expect(total).toBeLessThanOrEqual(lifetimes.reduce((sum, { bytes }) => sum + bytes, 0));
    }),
  );
});

it("needs two blocks for a chain, however long", () => {
  const chain: Lifetime[] = Array.from({ length: 50 }, (_, i) => ({ bytes: 512, first: i, last: i + 1 }));
  expect(planMemory(chain).blocks).toEqual([512, 512]);
  expect(Math.max(...liveBytes(chain, 51))).toBe(1024);
});

it("counts what is alive at each command", () => {
  const lives = [
    { bytes: 256, first: 0, last: 1 },
    { bytes: 512, first: 1, last: 3 },
  ];
  expect([...liveBytes(lives, 3)]).toEqual([256, 768, 512]);
});
