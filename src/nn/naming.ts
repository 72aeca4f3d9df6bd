import { inLayer } from "../tensor/origin.ts";
import { Module } from "./module.ts";

/**
 * Makes what these modules and their parts do known by their paths (the key, a dot, the names of fields), so that a step
 * recorded meanwhile can be listed by layer; a key of "" stands for no prefix.
 * @returns what ends it
 */
export function nameLayers(roots: ReadonlyMap<string, Module>): () => void {
  const named: [Module, string[]][] = [];
  for (const [root, module] of roots) {
    const prefix = root && `${root}.`;
    named.push([module, nameMethods(module, root)]);
    for (const [path, part] of module.modules()) named.push([part, nameMethods(part, `${prefix}${path}`)]);
  }
  return () => {
    for (const [module, methods] of named) {
      for (const method of methods) delete (module as unknown as Record<string, unknown>)[method];
    }
  };
}

/** Puts each method of a module's own classes behind one that says where it runs; returns their names. */
function nameMethods(module: Module, path: string): string[] {
  const methods: string[] = [];
  for (let type = Object.getPrototypeOf(module); type !== Module.prototype; type = Object.getPrototypeOf(type)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
      if (name === "constructor" || typeof value !== "function" || methods.includes(name)) continue;
      const method = (...args: unknown[]) => inLayer(path, () => value.apply(module, args));
      Object.defineProperty(module, name, { configurable: true, value: method });
      methods.push(name);
    }
  }
  return methods;
}
