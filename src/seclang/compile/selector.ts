/** Compiles which members of a collection a target names: by name, by pattern, or with `*` for one step of a path; names count without regard to case. */
import type { ByteString } from "../byte-string.ts";
import { lowerName } from "../collections/lower-name.ts";
import type { Selector } from "../parse/ast.ts";
import { DEFAULT_FLAGS } from "../regex/pattern-flags.ts";
import { parsePattern } from "../regex/parse-pattern.ts";
import { toRegExp } from "../regex/to-javascript.ts";

/** Tells whether a member is named, by its name in lower case. */
export type NameTest = (memberName: ByteString) => boolean;

export interface CompiledSelector {
  readonly test: NameTest;
  /** Set when one name is all there is: lower case. */
  readonly key?: ByteString;
}

/** libmodsecurity writes `array_0` where this engine writes `0`; exclusions made for it stay usable. */
const ARRAY_STEP = /\.array_(\d+)(?=\.|$)/g;
const WILDCARD_STEP = /(?:^|\.)\*(?:\.|$)/;

/** Throws `PatternRefused` for a pattern that cannot be read. */
export function compileSelector(selector: Selector): CompiledSelector {
  if (selector.kind === "regex") {
    const pattern = patternOf(selector.source);
    return { test: (memberName) => pattern.test(memberName) };
  }
  if (selector.kind === "xpath") return { test: () => true };
  const key = lowerName(selector.key).replace(ARRAY_STEP, ".$1");
  if (!WILDCARD_STEP.test(key)) return { test: (memberName) => memberName === key, key };
  const steps = key.split(".");
  return { test: (memberName) => fits(memberName, steps) };
}

/** Patterns that are remembered: a few exclusions, such as `!REQUEST_COOKIES:/__utm/`, stand in a hundred rules each. */
const LIMIT_KNOWN_PATTERNS = 64;
const knownPatterns = new Map<ByteString, RegExp>();

function patternOf(source: ByteString): RegExp {
  const known = knownPatterns.get(source);
  if (known !== undefined) return known;
  const pattern = toRegExp(parsePattern(source, { ...DEFAULT_FLAGS, ignoresCase: true }));
  if (knownPatterns.size >= LIMIT_KNOWN_PATTERNS) knownPatterns.clear();
  knownPatterns.set(source, pattern);
  return pattern;
}

/** `*` stands for one step, whatever it is. */
function fits(name: ByteString, steps: readonly ByteString[]): boolean {
  const own = name.split(".");
  return own.length === steps.length && steps.every((step, at) => step === "*" || step === own[at]);
}
