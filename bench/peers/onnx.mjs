// The least of ONNX that holds a chain of one operator: protocol buffers written by hand, field numbers from onnx.proto.

/** An integer in groups of seven bits, lowest first. */
function varint(value) {
  const bytes = [];
  for (let rest = BigInt(value); ; ) {
    const low = Number(rest & 127n);
    rest >>= 7n;
    if (!rest) return [...bytes, low];
    bytes.push(low | 128);
  }
}

const join = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const integer = (field, value) => join(varint(field << 3), varint(value));
const bytes = (field, content) => join(varint((field << 3) | 2), varint(content.length), content);
const text = (field, value) => bytes(field, new TextEncoder().encode(value));

const FLOAT = 1;
const INTS = 7;
const IR_VERSION = 8;
const OPSET = 17;

/** A float32 value of the graph with its shape. */
function valueInfo(name, shape) {
  const dimensions = shape.map((extent) => bytes(1, integer(1, extent)));
  const tensor = join(integer(1, FLOAT), bytes(2, join(...dimensions)));
  return join(text(1, name), bytes(2, bytes(1, tensor)));
}

/** A model that applies op(·, w) `times` times to its input x and gives y. */
export function chainModel({ op, times, xShape, yShape, wShape, w, attrs = {} }) {
  const attributes = Object.entries(attrs).map(([name, values]) =>
    bytes(5, join(text(1, name), ...values.map((value) => integer(8, value)), integer(20, INTS))),
  );
  const nodes = Array.from({ length: times }, (_, i) => {
    const [input, output] = [i === 0 ? "x" : `t${i}`, i === times - 1 ? "y" : `t${i + 1}`];
    return bytes(1, join(text(1, input), text(1, "w"), text(2, output), text(3, `n${i}`), text(4, op), ...attributes));
  });
  const raw = new Uint8Array(w.buffer, w.byteOffset, w.byteLength);
  const weights = join(...wShape.map((extent) => integer(1, extent)), integer(2, FLOAT), text(8, "w"), bytes(9, raw));
  const ends = [bytes(11, valueInfo("x", xShape)), bytes(12, valueInfo("y", yShape))];
  const graph = join(...nodes, text(2, "g"), bytes(5, weights), ...ends);
  return join(integer(1, IR_VERSION), bytes(8, join(text(1, ""), integer(2, OPSET))), bytes(7, graph));
}
