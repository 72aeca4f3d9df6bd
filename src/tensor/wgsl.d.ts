/** A shader, imported as its text (esbuild's text loader, and a plugin of the test runner). */
declare module "*.wgsl" {
  const source: string;
  export default source;
}
