/** The one gate, locally and in CI: format, lint, types, tests, dead code, generated files. Runs all, then sums up. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

/** Cheap checks first: what fails often should fail soon. */
const STEPS = [
  ["format", "node_modules/oxfmt/bin/oxfmt", "--check"],
  ["lint", "node_modules/oxlint/bin/oxlint"],
  ["types", "node_modules/typescript/bin/tsc", "-p", "."],
  ["dead code", "node_modules/knip/bin/knip.js"],
  ["tests", "node_modules/vitest/vitest.mjs", "run"],
];
const IGNORED = new Set([".git", "node_modules", "dist", ".portcullis", "coverage"]);

/** `run(script, ...args)` resolves to an exit code; so does this: 0 only when every step passed. */
export async function check(root, run, { withTests }) {
  const failed = [];
  const step = async (name, work) => {
    console.error(`\n== ${name}`);
    const startedAtMs = Date.now();
    const isGood = await work();
    console.error(
      `== ${name}: ${isGood ? "ok" : "FAILED"} (${((Date.now() - startedAtMs) / 1000).toFixed(1)} s)`,
    );
    if (!isGood) failed.push(name);
  };
  await step("generated files", () => areGeneratedFilesCurrent(root, run));
  for (const [name, script, ...args] of STEPS) {
    if (name === "tests" && !withTests) continue;
    await step(name, async () => (await run(script, ...args)) === 0);
  }
  console.error(failed.length === 0 ? "\nAll checks passed." : `\nFailed: ${failed.join(", ")}.`);
  return failed.length === 0 ? 0 : 1;
}

/** Generates and compares the tree before and after, whatever its state in git: uncommitted work must not fail a check. */
async function areGeneratedFilesCurrent(root, run) {
  const before = fingerprints(root);
  if ((await run("src/cli/main.ts", "generate")) !== 0) return false;
  const after = fingerprints(root);
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const changed = names.filter((name) => before.get(name) !== after.get(name));
  if (changed.length === 0) return true;
  console.error("These files were out of date and have been generated again; commit them:");
  for (const name of changed) console.error(`  ${name}`);
  return false;
}

function fingerprints(root, folder = "", found = new Map()) {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    if (IGNORED.has(entry.name)) continue;
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) fingerprints(root, name, found);
    else if (entry.isFile()) {
      found.set(
        name,
        createHash("sha256")
          .update(fs.readFileSync(path.join(root, name)))
          .digest("hex"),
      );
    }
  }
  return found;
}
