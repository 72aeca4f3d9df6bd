export {
  adapterKey,
  type KernelChoices,
  kernelChoices,
  noChoices,
  readChoices,
  unknownChoices,
  useChoices,
} from "./choices.ts";
export type { Live } from "./command.ts";
export { Compiled, type CompileOptions, type HostArray } from "./compile.ts";
export * from "./device.ts";
export * from "./errors.ts";
export type { BufferRange } from "./interop.ts";
export {
  type Access,
  defineKernel,
  type Extent,
  fold,
  Kernel,
  type KernelSpec,
  kernels,
  type Scalar,
} from "./kernel.ts";
export { type Computed, defineOp, Op, type OpDefinition } from "./op.ts";
export type { Cost, Job } from "./origin.ts";
export type { MemoryUse, Pool } from "./pool.ts";
export { Program, type ProgramMemory } from "./program.ts";
export * from "./shape.ts";
export { backpropagate, noGrad, type TapeNode } from "./tape.ts";
export { type DType, expectShape, type Held, scope, Tensor } from "./tensor.ts";
export { defineFamily, Family, type FamilySpec, families } from "./variant.ts";
