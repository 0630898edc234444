/** The tasks behind the npm scripts: which program each one runs. Knows nothing of how things got installed. */
import fs from "node:fs";
import path from "node:path";
import { runInForeground } from "./child.js";
import { check } from "./check.js";

/** Tasks that are one program: its script and fixed arguments. */
const PROGRAMS = {
  demo: ["src/cli/main.ts", "demo"],
  test: ["node_modules/vitest/vitest.mjs", "run"],
  bench: ["bench/run.ts"],
  generate: ["src/cli/main.ts", "generate"],
};

export const TASK_NAMES = [...Object.keys(PROGRAMS), "check"];

/** Runs a task; resolves to the exit code. */
export function runTask(task, args, { root, env }) {
  const run = (script, ...rest) =>
    runInForeground(process.execPath, [path.join(root, script), ...rest], { cwd: root, env });
  if (task === "check") return check(root, run, { withTests: !args.includes("--no-tests") });
  const [script, ...fixed] = PROGRAMS[task];
  if (!fs.existsSync(path.join(root, script))) throw new Error(`${script} is missing`);
  return run(script, ...fixed, ...args);
}
