import { runProcess } from "../src/cli/process.ts";
import { runBench } from "./program.ts";

await runProcess("bench", runBench);
