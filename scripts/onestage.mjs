#!/usr/bin/env node
// The command line: sets up what is missing, then runs dist/cli.mjs.
import { launch } from "./lib/launch.mjs";
import { runMain } from "./lib/project.mjs";

await runMain(() => launch("cli"));
