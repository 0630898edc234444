/** Expands `*`, `?` and `[...]` in the paths of Include, sorted bytewise as the shell does; it never follows `**`. */
import { readdirSync } from "node:fs";
import { join, parse, sep } from "node:path";

/**
 * Names looked at for one pattern. Without the bound a pattern such as `/*` followed by more of the same walks the whole
 * disk before the first rule is read.
 */
const LIMIT_NAMES = 20_000;

const MAGIC = /[*?[]/;

/** Whether a path is a pattern. */
export function isGlob(path: string): boolean {
  return MAGIC.test(path);
}

/**
 * The paths that match an absolute pattern, or undefined if more than `limitNames` names would have to be looked at: a
 * part of the files would be a part of the rules. Names that begin with a dot match only a pattern that does.
 */
export function expandGlob(
  pattern: string,
  limitNames: number = LIMIT_NAMES,
): readonly string[] | undefined {
  const { root } = parse(pattern);
  let paths: readonly string[] = [root];
  let namesLeft = limitNames;
  for (const part of pattern.slice(root.length).split(sep)) {
    if (part === "") continue;
    const next: string[] = [];
    for (const folder of paths) {
      const names = isGlob(part) ? namesIn(folder) : [part];
      namesLeft -= names.length;
      if (namesLeft < 0) return undefined;
      const matching = isGlob(part) ? sortedMatches(names, part) : names;
      for (const name of matching) next.push(join(folder, name));
    }
    paths = next;
  }
  return paths;
}

function sortedMatches(names: readonly string[], part: string): string[] {
  return names
    .filter((name) => name.startsWith(".") === part.startsWith(".") && matchesGlob(name, part))
    .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // WHY: in the middle of a pattern a file, or a folder that may not be read, matches nothing, as in the shell.
    return [];
  }
}

/** Whether a name matches a pattern without `/`. Goes back to the last `*` only, so that it stays quadratic at worst. */
export function matchesGlob(name: string, pattern: string): boolean {
  const tokens = tokensOf(pattern);
  let at = 0;
  let token = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    const current = tokens[token];
    if (current === "*") {
      star = token++;
      starAt = at;
    } else if (current !== undefined && matchesOne(name.charAt(at), current)) {
      at++;
      token++;
    } else if (star === -1) {
      return false;
    } else {
      token = star + 1;
      at = ++starAt;
    }
  }
  return tokens.slice(token).every((rest) => rest === "*");
}

/** One character, `*`, `?` or a whole `[...]` each; a bracket that is never closed is itself. */
function tokensOf(pattern: string): readonly string[] {
  return pattern.match(/\[!?\]?[^\]]*\]|[\s\S]/g) ?? [];
}

function matchesOne(character: string, token: string): boolean {
  if (token === "?") return true;
  if (token.length === 1) return token === character;
  const isNegated = token[1] === "!" || token[1] === "^";
  const members = token.slice(isNegated ? 2 : 1, -1);
  for (let at = 0; at < members.length; at++) {
    const first = members.charAt(at);
    const isRange = members[at + 1] === "-" && at + 2 < members.length;
    const last = isRange ? members.charAt(at + 2) : first;
    if (character >= first && character <= last) return !isNegated;
    if (isRange) at += 2;
  }
  return isNegated;
}
