import gridLib from "../../shaders/lib/grid.wgsl";
import source from "../../shaders/reduce.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";

const reduceKernel = defineKernel({
	name: "reduce",
	source,
	include: [gridLib],
	bindings: { x: "read", y: "write" },
	params: { n: "u32", length: "u32", inner: "u32", scale: "f32" },
	constants: ["OP"],
});

// Longer reductions than this are done in two passes, so that enough threads have work.
const LONG = 1024;

/** Reduces the middle axis of x seen as [outer, length, inner] into a tensor of outer·inner elements; sums are scaled. */
export function reduceMiddle(
	gpu: GpuDevice,
	x: Tensor,
	[outer, length, inner]: readonly [number, number, number],
	kind: "sum" | "max",
	scale = 1,
): Tensor {
	const OP = kind === "sum" ? 0 : 1;
	const y = gpu.empty([outer * inner], `reduce ${kind}`);
	const chunk = splitOf(length);
	if (chunk === length) {
		reduceKernel.run(
			gpu,
			{ x, y },
			{ n: y.size, length, inner, scale },
			{ threads: y.size },
			{ OP },
		);
		return y;
	}
	const parts = length / chunk;
	const partial = gpu.empty([outer * parts * inner], `reduce ${kind}`);
	const first = { n: partial.size, length: chunk, inner, scale: 1 };
	reduceKernel.run(
		gpu,
		{ x, y: partial },
		first,
		{ threads: partial.size },
		{ OP },
	);
	reduceKernel.run(
		gpu,
		{ x: partial, y },
		{ n: y.size, length: parts, inner, scale },
		{ threads: y.size },
		{ OP },
	);
	partial.dispose();
	return y;
}

// The divisor of a long length nearest its square root; a length without a useful divisor is done in one pass.
function splitOf(length: number): number {
	if (length < LONG) return length;
	const root = Math.floor(Math.sqrt(length));
	for (let chunk = root; chunk > root / 8 && chunk > 1; chunk--)
		if (length % chunk === 0) return chunk;
	return length;
}
