// Shaders as they are shipped: without what only their readers need.

const word = /[\w.]/;
const operator = /[-+*/%&|^<>=!~]/;

/**
 * A shader without comments and without white space, but for what parts two words or two operators, and without commas behind
 * the last of a list, zeros next to a point and the access that storage has anyway. The readable files are in the package
 * beside it.
 * @param {string} source
 * @returns {string}
 */
export function compactShader(source) {
  const line = source
    .replace(/\/\/.*|\/\*[\s\S]*?\*\//g, " ")
    .replace(/\s+/g, " ")
    .trim();
  const dense = line.replace(/ /g, (space, at) => {
    const [before, after] = [line[at - 1], line[at + 1]];
    const alike = [word, operator].some((kind) => kind.test(before) && kind.test(after));
    return alike ? space : "";
  });
  return (
    dense
      .replace(/,(?=[)}])/g, "")
      .replace(/(?<=\b\d+\.)0\b/g, "")
      // Behind the other: of 0.0 one has to stay.
      .replace(/(?<![\w.])0(?=\.\d)/g, "")
      .replace(/,read>/g, ">")
  );
}
