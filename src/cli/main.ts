import { GpuDevice } from "../tensor/index.ts";

/** Runs the command line. @returns the exit code */
async function main(argv: string[]): Promise<number> {
  if (argv[0] !== "info") {
    process.stderr.write(`onestage: unknown command "${argv[0] ?? ""}"; expected info\n`);
    return 2;
  }
  const device = await GpuDevice.open();
  const report = {
    adapter: device.adapter,
    chosen: process.env.ONESTAGE_ADAPTER_CHOSEN ?? null,
    reason: process.env.ONESTAGE_ADAPTER_REASON ?? null,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  device.close();
  return 0;
}

process.exit(await main(process.argv.slice(2)));
