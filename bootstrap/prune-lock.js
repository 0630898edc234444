/**
 * For maintainers, after `npm install` has changed package-lock.json: takes out of it the names of optional packages that the
 * registry did not have. npm writes such names without an entry and then refuses (`npm ci`: "Missing ... from lock file").
 * Only names without a pinned entry go; nothing that could be installed is added, changed or removed.
 */
import fs from "node:fs";
import { fileURLToPath } from "node:url";

const LOCK = fileURLToPath(new URL("../package-lock.json", import.meta.url));

/** Whether the lock pins the package as seen from the one at `from`, looking upwards as Node resolves. */
function isPinned(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`]) return true;
    if (at === "") return false;
  }
}

const lock = JSON.parse(fs.readFileSync(LOCK, "utf8"));
const dropped = [];
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (isPinned(lock.packages, place, name)) continue;
    delete entry.optionalDependencies[name];
    dropped.push(name);
  }
}
if (dropped.length > 0) fs.writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
console.log(dropped.length === 0 ? "Nothing to prune." : `Pruned: ${dropped.join(", ")}`);
