/** Says which Node can run Portcullis; must run on any Node from 18 on, and never install or start anything. */

/**
 * The source is TypeScript that Node runs as it is: type stripping is on by default from 22.18 and 23.6.
 * The same floor stands in package.json (`engines`) and in bin/portcullis.js; a test compares them.
 */
export const NEEDED_NODE = "22.18";

/** Whether a Node of this version (`process.versions.node`) runs TypeScript source without a flag. */
export function isSuitableNode(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major === 22) return minor >= 18;
  if (major === 23) return minor >= 6;
  return major > 23;
}
