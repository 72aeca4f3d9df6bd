/** A file taken as text: `?raw` says so to Vite, `with { type: "text" }` to esbuild. */
declare module "*?raw" {
  const text: string;
  export default text;
}
