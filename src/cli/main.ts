import { openGpu } from "#gpu";

/** Runs the command line. @returns the exit code */
async function main(argv: string[]): Promise<number> {
  if (argv[0] !== "info") {
    process.stderr.write(`onestage: unknown command "${argv[0] ?? ""}"; expected info\n`);
    return 2;
  }
  const adapter = await (await openGpu()).requestAdapter({ powerPreference: "high-performance" });
  const report = {
    adapter: adapter?.info.description ?? null,
    chosen: process.env.ONESTAGE_ADAPTER_CHOSEN ?? null,
    reason: process.env.ONESTAGE_ADAPTER_REASON ?? null,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return adapter ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
