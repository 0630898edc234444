/**
 * Behind every npm script: `node bootstrap/run.js <task> [arguments]`. Finds or fetches a Node that fits, installs what the
 * lock file pins, runs the task. Plain JavaScript for Node 18 and later; must never need root, a compiler or a package.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { BootstrapProblem } from "./advice.js";
import { runInForeground } from "./child.js";
import { ensureInstalled } from "./install.js";
import { isSuitableNode, NEEDED_NODE } from "./node-version.js";
import { ensureOwnNode } from "./own-node.js";
import { runTask, TASK_NAMES } from "./tasks.js";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STATE = path.join(ROOT, ".portcullis");
/** Set for the run under our own Node: it must not fetch yet another one. */
const IS_SECOND_RUN = "PORTCULLIS_BOOTSTRAPPED";

async function main([task, ...args]) {
  if (!TASK_NAMES.includes(task)) {
    throw new BootstrapProblem(
      `There is no task "${task ?? ""}".`,
      `Tasks: ${TASK_NAMES.join(", ")}.`,
    );
  }
  requireWritable();
  if (!isSuitableNode(process.versions.node)) return runAgainUnderOwnNode([task, ...args]);
  await ensureInstalled({
    directory: ROOT,
    stateDirectory: STATE,
    title: "the pinned packages",
    isComplete: firstMissingPackage,
  });
  return runTask(task, args, { root: ROOT, env: withPathTo(process.execPath) });
}

async function runAgainUnderOwnNode(args) {
  if (process.env[IS_SECOND_RUN]) {
    throw new BootstrapProblem(
      `Node ${process.versions.node} is too old.`,
      `Install Node ${NEEDED_NODE} or later.`,
    );
  }
  const node = await ensureOwnNode({
    sourceDirectory: path.join(ROOT, "bootstrap", "node24"),
    stateDirectory: STATE,
  });
  const env = { ...withPathTo(node), [IS_SECOND_RUN]: "1", npm_node_execpath: node };
  return runInForeground(node, [fileURLToPath(import.meta.url), ...args], { cwd: ROOT, env });
}

/** The environment with this Node first in PATH, so that every tool the task starts runs under it as well. */
function withPathTo(node) {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  const rest = process.env[name] ?? "";
  return { ...process.env, [name]: `${path.dirname(node)}${path.delimiter}${rest}` };
}

/** npm treats optional packages as dispensable; the tests and the demo do not. */
function firstMissingPackage() {
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  const names = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
    Object.keys(manifest[kind] ?? {}),
  );
  return names.find(
    (name) => !fs.existsSync(path.join(ROOT, "node_modules", name, "package.json")),
  );
}

/** What is fetched or made on this machine stays in one folder, which ignores itself. */
function requireWritable() {
  try {
    fs.mkdirSync(STATE, { recursive: true });
    const ignore = path.join(STATE, ".gitignore");
    if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, "*\n");
  } catch (error) {
    throw new BootstrapProblem(
      `The checkout cannot be written (${error.code}: ${STATE}).`,
      "Clone it into a folder of your own and run the command there.",
    );
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BootstrapProblem)) throw error;
  if (error.details) console.error(error.details.trim());
  console.error(`\nportcullis: ${error.message}\n${error.advice}`);
  process.exitCode = 1;
}
