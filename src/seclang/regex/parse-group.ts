/** Parses what follows an opening parenthesis: captures, settings, look-around, atomic groups; refuses recursion, conditions and verbs. */
import type { PatternParser } from "./parse-pattern.ts";
import type { PatternFlags } from "./pattern-flags.ts";
import type { PatternNode } from "./pattern-tree.ts";

const NAME = /\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y;
const SETTINGS = /\?(\^?)([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/y;

/** The group as a node; none when it only sets flags or is a comment. */
export function parseGroup(parser: PatternParser): PatternNode[] {
  const { reader } = parser;
  const start = reader.at - 1;
  if (reader.startsWith("*"))
    reader.refuse("unsupported", "verbs such as (*ACCEPT) are not supported", start);
  if (!reader.startsWith("?")) return [capture(parser, start)];
  const look = reader.take(/\?(<?)([=!])/y);
  if (look) {
    const item = rest(parser, start);
    return [{ kind: "look", item, isBehind: look[1] === "<", isNegated: look[2] === "!" }];
  }
  if (reader.accept("?>")) return [{ kind: "atomic", item: rest(parser, start) }];
  if (reader.accept("?#")) {
    if (!reader.take(/[^)]*\)/y)) reader.refuse("syntax", "a comment has no end", start);
    return [];
  }
  const called = reader.take(/\?P=(\w+)\)/y);
  if (called) return [parser.namedReference(called[1] ?? "", start)];
  const named = reader.take(NAME);
  if (named) return [capture(parser, start, named[1] ?? named[2])];
  return settings(parser, start);
}

function rest(parser: PatternParser, start: number): PatternNode {
  const item = parser.alternation();
  if (!parser.reader.accept(")")) parser.reader.refuse("syntax", "a group has no end", start);
  return item;
}

function capture(parser: PatternParser, start: number, name?: string): PatternNode {
  const index = ++parser.captureCount;
  if (name !== undefined) {
    if (parser.captureNames.has(name)) {
      parser.reader.refuse("syntax", `two groups are called ${name}`, start);
    }
    parser.captureNames.set(name, index);
  }
  return { kind: "capture", item: rest(parser, start), index };
}

function settings(parser: PatternParser, start: number): PatternNode[] {
  const { reader } = parser;
  const found = reader.take(SETTINGS);
  if (!found)
    return reader.refuse(
      "unsupported",
      "recursion, conditions and callouts are not supported",
      start,
    );
  const [, reset, on = "", off = "", end] = found;
  const outer = parser.flags;
  let flags: PatternFlags = reset
    ? { ignoresCase: false, isMultiline: false, isDotAll: false, isExtended: false }
    : outer;
  for (const letter of on) flags = { ...flags, ...flag(parser, { letter, value: true, start }) };
  for (const letter of off) flags = { ...flags, ...flag(parser, { letter, value: false, start }) };
  parser.flags = flags;
  // Without a colon the flags hold on to the end of the group around, later alternatives included.
  if (end === ")") return [];
  const item = rest(parser, start);
  parser.flags = outer;
  return [item];
}

function flag(
  parser: PatternParser,
  {
    letter,
    value,
    start,
  }: { readonly letter: string; readonly value: boolean; readonly start: number },
): Partial<PatternFlags> {
  switch (letter) {
    case "i":
      return { ignoresCase: value };
    case "m":
      return { isMultiline: value };
    case "s":
      return { isDotAll: value };
    case "x":
      return { isExtended: value };
    default:
      return parser.reader.refuse("unsupported", `the flag ${letter} is not supported`, start);
  }
}
