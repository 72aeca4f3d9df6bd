import { runProcess } from "./process.ts";
import { runProgram } from "./program.ts";

await runProcess("onestage", runProgram);
