// The least of ONNX that holds a small network: protocol buffers written by hand, field numbers from onnx.proto.

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
const INT = 2;
const INTS = 7;
const IR_VERSION = 8;
const OPSET = 17;

/** A float32 value of the graph with its shape. */
function valueInfo(name, shape) {
  const dimensions = shape.map((extent) => bytes(1, integer(1, extent)));
  const tensor = join(integer(1, FLOAT), bytes(2, join(...dimensions)));
  return join(text(1, name), bytes(2, bytes(1, tensor)));
}

/** An integer, or an array of them. */
function attribute([name, value]) {
  const typed = Array.isArray(value)
    ? [...value.map((each) => integer(8, each)), integer(20, INTS)]
    : [integer(3, value), integer(20, INT)];
  return join(text(1, name), ...typed);
}

function node({ op, inputs, output, attrs = {} }, i) {
  const attributes = Object.entries(attrs).map((each) => bytes(5, attribute(each)));
  const names = inputs.map((name) => text(1, name));
  return join(...names, text(2, output), text(3, `n${i}`), text(4, op), ...attributes);
}

function initialiser(name, { shape, data }) {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return join(...shape.map((extent) => integer(1, extent)), integer(2, FLOAT), text(8, name), bytes(9, raw));
}

/** A model from x to y: nodes { op, inputs, output, attrs } in order, and weights { shape, data } by name. */
export function graphModel({ nodes, weights, xShape, yShape }) {
  const initialisers = Object.entries(weights).map(([name, weight]) => bytes(5, initialiser(name, weight)));
  const ends = [bytes(11, valueInfo("x", xShape)), bytes(12, valueInfo("y", yShape))];
  const graph = join(...nodes.map((each, i) => bytes(1, node(each, i))), text(2, "g"), ...initialisers, ...ends);
  return join(integer(1, IR_VERSION), bytes(8, join(text(1, ""), integer(2, OPSET))), bytes(7, graph));
}

/** A model that applies op(·, w) `times` times to its input x and gives y. */
export function chainModel({ op, times, xShape, yShape, wShape, w, attrs = {} }) {
  const nodes = Array.from({ length: times }, (_, i) => {
    const [input, output] = [i === 0 ? "x" : `t${i}`, i === times - 1 ? "y" : `t${i + 1}`];
    return { op, inputs: [input, "w"], output, attrs };
  });
  return graphModel({ nodes, weights: { w: { shape: wShape, data: w } }, xShape, yShape });
}
