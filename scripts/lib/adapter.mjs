// Chooses what WebGPU runs on: a GPU, else Mesa's lavapipe, else SwiftShader unpacked from an npm package.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { archive, extractTar, fillOnce, unpackable, unpackedFolder } from "./packaged.mjs";
import { SetupError, say } from "./project.mjs";

/** The adapters in order of preference, each with what to say when it is not there. */
const absent = { gpu: "no GPU", lavapipe: "no Mesa 24 or newer", swiftshader: "no packaged SwiftShader" };
const names = Object.keys(absent);
const probeScript = fileURLToPath(new URL("./probe.mjs", import.meta.url));

/**
 * Chooses the WebGPU adapter for the processes started from here.
 * @param {string} [pin] "gpu", "lavapipe" or "swiftshader": take this one or fail; default: the environment variable
 *   ONESTAGE_ADAPTER, else the first of the three that computes correctly
 * @returns {{ name: string, description: string, reason: string, environment: Record<string, string> }} `environment` holds the variables
 *   that must be set before a process that opens the adapter starts
 * @throws {SetupError} when the pinned adapter, or any adapter at all, cannot be had
 */
export function chooseAdapter(pin = process.env.ONESTAGE_ADAPTER || undefined) {
  if (pin !== undefined && !names.includes(pin)) {
    throw new SetupError(`unknown adapter "${pin}"; expected one of ${names.join(", ")}`);
  }
  const attempts = process.platform === "linux" ? linuxAttempts() : nativeAttempts();
  const failures = [];
  for (const name of pin ? [pin] : names) {
    const { environment = {}, ...result } = attempts[name]();
    if (result.found !== name) {
      failures.push(result.failure ?? absent[name]);
      continue;
    }
    const reason = pin ? "pinned by --adapter or ONESTAGE_ADAPTER" : failures.join(", ") || "the best there is";
    const announced = { ONESTAGE_ADAPTER_CHOSEN: name, ONESTAGE_ADAPTER_REASON: reason };
    return { name, description: result.description, reason, environment: { ...environment, ...announced } };
  }
  const command = pin === "gpu" ? undefined : fasterAdapterCommand();
  const what = pin ? `the adapter ${pin}, pinned by --adapter or ONESTAGE_ADAPTER` : "a WebGPU adapter";
  throw new SetupError(
    `cannot have ${what}: ${failures.join(", ")}${command ? `; to install lavapipe: ${command}` : ""}`,
  );
}

/** Metal and Direct3D 12 come with macOS and Windows: nothing is to be set up there. */
function nativeAttempts() {
  const backend = process.platform === "darwin" ? "Metal" : "Direct3D 12";
  const linuxOnly = () => ({ failure: "only set up on Linux" });
  return { gpu: () => ({ found: "gpu", description: backend }), lavapipe: linuxOnly, swiftshader: linuxOnly };
}

function linuxAttempts() {
  const missing = unpackable();
  const folder = missing ? undefined : unpackedFolder("swiftshader");
  // A launcher started by another one must not mistake the other's choice for the machine's own loader.
  const libraries = (process.env.LD_LIBRARY_PATH ?? "").split(delimiter).filter((path) => path && path !== folder);
  const system = { LD_LIBRARY_PATH: libraries.join(delimiter) };
  let machine;
  const probeMachine = () => {
    machine ??= { ...probe(system), environment: system };
    return machine;
  };
  return {
    gpu: probeMachine,
    lavapipe() {
      if (probeMachine().found === "lavapipe") return probeMachine();
      const driver = lavapipeDriver();
      if (!driver) return {};
      const environment = { ...system, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver };
      return { ...probe(environment), environment };
    },
    swiftshader() {
      if (process.arch !== "x64") return { failure: `no SwiftShader packaged for linux-${process.arch}` };
      if (missing) return { failure: missing };
      const unpacked = fillOnce(folder, (temporary) => {
        extractTar(archive("swiftshader.tar.br"), temporary, ["libvk_swiftshader.so"]);
        // Dawn opens the Vulkan loader by this name; SwiftShader serves it directly.
        renameSync(join(temporary, "libvk_swiftshader.so"), join(temporary, "libvulkan.so.1"));
      });
      const faster = unpacked && fasterAdapterCommand();
      if (faster) say(`SwiftShader works everywhere but is slow; Mesa's lavapipe is faster: ${faster}`);
      const environment = { LD_LIBRARY_PATH: [folder, ...libraries].join(delimiter) };
      return { ...probe(environment), environment };
    },
  };
}

function lavapipeDriver() {
  const architecture = process.arch === "x64" ? "x86_64" : "aarch64";
  return ["/usr/share", "/usr/local/share", "/etc"]
    .flatMap((folder) =>
      ["lvp_icd.json", `lvp_icd.${architecture}.json`].map((file) => join(folder, "vulkan/icd.d", file)),
    )
    .find(existsSync);
}

/** Opens an adapter in a child process (a broken driver may crash it) and says what was found. */
function probe(environment) {
  const child = spawnSync(process.execPath, [probeScript], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
    timeout: 60_000,
  });
  if (child.error) return { failure: child.error.message };
  if (child.signal) return { failure: `the driver crashed (${child.signal})` };
  const answer = child.stdout.split("\n").find((line) => line.startsWith("{"));
  return answer ? JSON.parse(answer) : { failure: `the probe failed (${child.stderr.trim().split("\n").at(-1)})` };
}

/** The command that installs Mesa 24 or newer, where the distribution is known to have it; undefined elsewhere. */
function fasterAdapterCommand() {
  if (!existsSync("/etc/os-release")) return undefined;
  const release = Object.fromEntries(
    readFileSync("/etc/os-release", "utf8")
      .split("\n")
      .map((line) => line.split("=").map((part) => part.replaceAll('"', ""))),
  );
  const version = Number(release.VERSION_ID);
  const install = (options) => `sudo apt-get update && sudo apt-get install ${options}libvulkan1 mesa-vulkan-drivers`;
  if (release.ID === "debian" && version === 12) {
    const source = `deb ${debianMirror()} bookworm-backports main`;
    return `echo "${source}" | sudo tee /etc/apt/sources.list.d/backports.list && ${install("-t bookworm-backports ")}`;
  }
  const recent = (release.ID === "debian" && version >= 13) || (release.ID === "ubuntu" && version >= 24.04);
  return recent ? install("") : undefined;
}

/** Where this machine takes its packages from, which has the backports too. */
function debianMirror() {
  for (const file of ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]) {
    if (!existsSync(file)) continue;
    const uri = /^(?:URIs:|deb)\s+(?:\[[^\]]*\]\s+)?(\S+:\S+)/m.exec(readFileSync(file, "utf8"))?.[1];
    if (uri) return uri;
  }
  return "<your Debian mirror>";
}
