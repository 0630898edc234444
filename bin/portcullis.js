#!/usr/bin/env node
/**
 * The installed command: runs the built program of the published package, or the source in a checkout. Node strips types
 * from a checkout's source, but never below node_modules; so the package ships JavaScript.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import process from "node:process";

/** Type stripping is on by default from 22.18 and 23.6; the same floor as in package.json and bootstrap/. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isSuitable = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);

if (isSuitable) {
  const built = new URL("../dist/cli/main.js", import.meta.url);
  const source = new URL("../src/cli/main.ts", import.meta.url);
  // In a checkout the source wins: a forgotten build in dist/ must not run instead of what was edited.
  const main = existsSync(source) ? source : built;
  process.argv[1] = fileURLToPath(main);
  await import(main.href);
} else {
  console.error(
    `portcullis needs Node 22.18 or later (24 is best); this is ${process.versions.node}. ` +
      "Install it from https://nodejs.org/ or with your version manager. " +
      "In a checkout, `npm run demo` and `npm test` fetch a fitting Node by themselves.",
  );
  process.exitCode = 1;
}
