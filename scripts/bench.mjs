// The benchmarks: sets up what is missing, then runs dist/bench.mjs.
import { launch } from "./lib/launch.mjs";
import { runMain } from "./lib/project.mjs";

await runMain(() => launch("bench"));
