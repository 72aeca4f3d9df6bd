// Finds a Chromium whose WebGPU works without a GPU, for the tests that run in a browser.
import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { archive, extractExecutable, extractTar, fillOnce, unpackedFolder } from "./packaged.mjs";
import { SetupError } from "./project.mjs";

const installed = {
  linux: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ],
  win32: ["C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"],
};

/**
 * Playwright's launch options for a Chromium: the one named by ONESTAGE_CHROMIUM, else the packaged one (Linux x64),
 * else one installed on the machine. The packaged one goes first because it carries the very SwiftShader that Node
 * uses, so that results can be compared bit by bit.
 * @returns {object | undefined} undefined when there is none
 * @throws {SetupError} when ONESTAGE_CHROMIUM names no file
 */
export function findChromium() {
  const named = process.env.ONESTAGE_CHROMIUM;
  if (named) {
    if (!existsSync(named)) throw new SetupError(`ONESTAGE_CHROMIUM names ${named}, which does not exist`);
    return launchOptions(named);
  }
  if (process.platform === "linux" && process.arch === "x64") return packaged();
  const paths = (process.env.PATH ?? "").split(delimiter);
  const executable = (installed[process.platform] ?? [])
    .flatMap((name) => (name.includes("/") || name.includes("\\") ? [name] : paths.map((path) => join(path, name))))
    .find(existsSync);
  return executable && launchOptions(executable);
}

function launchOptions(executablePath, environment = {}) {
  const software = process.platform === "linux" ? ["--use-webgpu-adapter=swiftshader"] : [];
  return {
    executablePath,
    env: { ...process.env, ...environment },
    args: ["--enable-unsafe-webgpu", ...software, "--no-sandbox", "--disable-background-networking"],
  };
}

function packaged() {
  const folder = unpackedFolder("chromium");
  fillOnce(folder, (temporary) => {
    extractExecutable(archive("chromium.br"), join(temporary, "chromium"));
    for (const name of ["swiftshader", "al2023", "fonts"]) extractTar(archive(`${name}.tar.br`), temporary);
    writeFileSync(join(temporary, "fonts.conf"), fontConfiguration(folder));
  });
  return launchOptions(join(folder, "chromium"), {
    LD_LIBRARY_PATH: join(folder, "lib"),
    FONTCONFIG_FILE: join(folder, "fonts.conf"),
  });
}

/** The package's own file names folders that only its cloud platform has. */
function fontConfiguration(folder) {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${join(folder, "fonts")}</dir>
  <cachedir>${join(folder, "fonts-cache")}</cachedir>
</fontconfig>
`;
}
