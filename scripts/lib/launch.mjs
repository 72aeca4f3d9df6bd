// What every program needs before it can run: dependencies, a fresh bundle, and an adapter.
import { chooseAdapter } from "./adapter.mjs";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";
import { SetupError, say } from "./project.mjs";
import { runNode } from "./run.mjs";

/**
 * Takes `--adapter NAME` (or `--adapter=NAME`) out of a command's arguments.
 * @returns {{ adapter: string | undefined, rest: string[] }}
 * @throws {SetupError} when the flag has no value
 */
export function splitAdapterFlag(args) {
  const index = args.findIndex((arg) => arg === "--adapter" || arg.startsWith("--adapter="));
  if (index < 0) return { adapter: undefined, rest: args };
  const inline = args[index].includes("=");
  const adapter = inline ? args[index].slice("--adapter=".length) : args[index + 1];
  if (!adapter) throw new SetupError("--adapter expects gpu, lavapipe or swiftshader after it");
  return { adapter, rest: args.toSpliced(index, inline ? 1 : 2) };
}

/** Chooses the adapter and tells the user, in one line, which and why. */
export function announceAdapter(pin) {
  const { name, description, reason, environment } = chooseAdapter(pin);
  say(`adapter ${name}: ${description} (${reason})`);
  return environment;
}

/** Installs, builds and runs a program with the arguments of this process. @returns its exit code */
export async function launch(program) {
  const { adapter, rest } = splitAdapterFlag(process.argv.slice(2));
  await ensureInstalled();
  const bundle = await ensureBuilt(program);
  // The bench measures when it is told nothing; the command line only says what it needs.
  const needsAdapter =
    (program === "bench" || rest.length > 0) &&
    !rest.some((arg) => ["--help", "-h", "--version", "--list"].includes(arg));
  const environment = needsAdapter ? announceAdapter(adapter) : {};
  return runNode(["--enable-source-maps", bundle, ...rest], { environment });
}
