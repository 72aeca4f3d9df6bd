// The binary operations' numbers; src/kernels/binary.ts has the same list.
const ADD = 0u;
const SUB = 1u;
const MUL = 2u;
const DIV = 3u;
const MAXIMUM = 4u;
const MINIMUM = 5u;
const WINS = 6u;
const AVERAGE = 7u;
