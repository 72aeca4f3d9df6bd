import { describe, expect, it } from "vitest";
import { WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import "../../src/kernels/index.ts";
import { kernels } from "../../src/tensor/kernel.ts";

// Any value of the right kind will do: only the declarations are compared.
function someConstants(names: readonly string[], source: string): Record<string, number | boolean> {
  const isFlag = (name: string) =>
    new RegExp(`(if \\(|[!&|] ?|select\\([^;]*, )!?${name}\\b(?! *[=<>+*/%-])`).test(source);
  return Object.fromEntries(names.map((name) => [name, isFlag(name) ? true : 4]));
}

// The parser does not know the experimental types and functions of subgroup matrices; declarations have none.
function withoutMatrices(wgsl: string): string {
  return wgsl.replace(/subgroup_matrix_\w+<[^<>]*>/g, "f32").replace(/(subgroupMatrix\w+)<[^<>]*>/g, "$1");
}

describe("the contract between WGSL and TypeScript", () => {
  it.each([...kernels().values()].map((kernel) => [kernel.spec.name, kernel] as const))(
    "%s",
    (_name, { spec, code }) => {
      void code;
      const kernel = kernels().get(spec.name)!;
      const wgsl = kernel.code(someConstants(spec.constants ?? [], spec.source));
      const reflection = new WgslReflect(withoutMatrices(wgsl));
      const bindings = reflection.getBindGroups()[0]!;
      const expected = Object.entries(spec.bindings).map(([name, access]) => [
        name,
        access === "read" ? "read" : "read_write",
      ]);
      expect(bindings.slice(0, -1).map((binding) => [binding!.name, binding!.access])).toEqual(expected);
      const uniform = bindings.at(-1)!;
      expect(uniform.type.name).toBe("Params");
      expect(uniform.members!.map((member) => [member.name, member.type.name])).toEqual(Object.entries(spec.params));
      expect(Object.keys(spec.params).length).toBeLessThanOrEqual(64);
      expect(reflection.entry.compute.map((entry) => entry.name)).toEqual(["main"]);
      expect(reflection.overrides.map((override) => override.name)).toEqual(spec.workgroup === null ? [] : ["WG"]);
    },
  );
});
