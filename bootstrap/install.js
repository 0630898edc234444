/**
 * Installs what a lock file pins, once, with `npm ci --ignore-scripts`; a marker says for which lock file and which Node.
 * Never runs a package's install script, so nothing native is ever compiled.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { adviceForMissing, adviceForNpm, BootstrapProblem } from "./advice.js";
import { runQuietly } from "./child.js";
import { withLock } from "./lock.js";

const MARKER = ".portcullis-installed.json";
const SHOWN_LINES = 25;
/** Everything a package manager needs to know is given here: a caller's settings must not leave packages out. */
const NPM_ARGUMENTS = [
  "ci",
  "--ignore-scripts",
  "--include=dev",
  "--include=optional",
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
  "--no-progress",
  "--no-update-notifier",
  "--loglevel=error",
];

/**
 * Makes `<directory>/node_modules` what `<directory>/package-lock.json` says, for the Node that runs this.
 * `isComplete` looks at the result: npm leaves out optional packages it could not fetch, and calls that a success.
 */
export async function ensureInstalled({ directory, stateDirectory, title, isComplete }) {
  const wanted = markerFor(directory);
  if (isInstalled(directory, wanted)) return;
  const lockPath = path.join(stateDirectory, `install-${lockName(directory)}.lock`);
  const onWait = () => console.error("portcullis: another run is installing; waiting for it ...");
  await withLock(lockPath, onWait, async (addProcess) => {
    if (isInstalled(directory, wanted)) return;
    console.error(
      `portcullis: installing ${title} from the npm registry (only now and after changes) ...`,
    );
    fs.rmSync(markerPath(directory), { force: true });
    const output = await npmCi(directory, stateDirectory, addProcess);
    const missing = isComplete();
    if (missing !== undefined) {
      throw new BootstrapProblem(
        `npm did not install ${missing}.`,
        adviceForMissing(output),
        output,
      );
    }
    writeMarker(directory, wanted);
  });
}

/** The binary interface of the running Node is part of it: what one Node installed another never runs. */
function markerFor(directory) {
  const lock = fs.readFileSync(path.join(directory, "package-lock.json"));
  return JSON.stringify({
    lockSha256: createHash("sha256").update(lock).digest("hex"),
    nodeMajor: process.versions.node.split(".")[0],
    nodeModules: process.versions.modules,
    platform: process.platform,
    arch: process.arch,
  });
}

const markerPath = (directory) => path.join(directory, "node_modules", MARKER);

function isInstalled(directory, wanted) {
  try {
    return fs.readFileSync(markerPath(directory), "utf8") === wanted;
  } catch {
    return false;
  }
}

/** Written last and moved into place: an interrupted install has no marker and is done again. */
function writeMarker(directory, text) {
  const temporary = `${markerPath(directory)}.new`;
  fs.mkdirSync(path.dirname(temporary), { recursive: true });
  fs.writeFileSync(temporary, text);
  fs.renameSync(temporary, markerPath(directory));
}

const lockName = (directory) => createHash("sha256").update(directory).digest("hex").slice(0, 12);

async function npmCi(directory, stateDirectory, onStart) {
  const cache = isCacheWritable() ? [] : ["--cache", path.join(stateDirectory, "npm-cache")];
  const { code, signal, output } = await runQuietly(
    process.execPath,
    [npmCli(), ...NPM_ARGUMENTS, "--prefix", directory, ...cache],
    { cwd: directory, env: npmEnvironment(), onStart },
  );
  if (signal !== null)
    throw new BootstrapProblem(`The install was stopped (${signal}).`, "Run the command again.");
  if (code !== 0)
    throw new BootstrapProblem("npm could not install.", adviceForNpm(output), shorten(output));
  return output;
}

/** npm adds its whole manual to some errors; what went wrong stands in the first lines. */
function shorten(output) {
  const lines = output.split("\n");
  if (lines.length <= SHOWN_LINES) return output;
  const log = lines.findLast((line) => line.includes("complete log")) ?? "";
  return [...lines.slice(0, SHOWN_LINES), "...", log].join("\n");
}

/** npm's own program, so that it runs under the Node that runs us and not under the first one in PATH. */
function npmCli() {
  const fromNpm = process.env["npm_execpath"];
  if (fromNpm && path.basename(fromNpm) === "npm-cli.js" && fs.existsSync(fromNpm)) return fromNpm;
  const tail = path.join("node_modules", "npm", "bin", "npm-cli.js");
  const folders = (process.env["PATH"] ?? process.env["Path"] ?? "").split(path.delimiter);
  const candidates = [path.dirname(process.execPath), ...folders].flatMap((folder) => [
    path.join(folder, tail),
    path.join(folder, "..", "lib", tail),
    path.join(folder, "..", "share", tail),
  ]);
  const found = candidates.find((candidate) => fs.existsSync(candidate)) ?? linkedNpm(folders);
  if (found) return found;
  throw new BootstrapProblem(
    "npm was not found.",
    "Start this with npm (`npm run demo`, `npm test`), or put the folder of npm into PATH.",
  );
}

/** Some systems keep npm elsewhere and link `npm` to its npm-cli.js. */
function linkedNpm(folders) {
  for (const folder of folders) {
    const link = path.join(folder, "npm");
    if (!fs.existsSync(link)) continue;
    const target = fs.realpathSync(link);
    if (path.basename(target) === "npm-cli.js") return target;
  }
  return undefined;
}

/** The npm that started us describes ITS package in the environment; the npm we start must not believe it is there. */
function npmEnvironment() {
  const isForeign =
    /^(npm_package_|npm_lifecycle_|npm_command$|npm_config_(local_prefix|global|dry_run|omit|include)$|INIT_CWD$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForeign.test(name)));
}

/** npm cannot work without a cache it can write; where HOME is read-only it gets one in the ignored folder. */
function isCacheWritable() {
  const cache = process.env["npm_config_cache"] ?? path.join(os.homedir(), ".npm");
  try {
    fs.mkdirSync(cache, { recursive: true });
    fs.accessSync(cache, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
