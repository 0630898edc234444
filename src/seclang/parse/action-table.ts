/** The actions a rule may carry, from the reference manuals of ModSecurity and Coraza; refused ones are known by name and reason. */
import type { ActionClass } from "./ast.ts";

/** How the value of an action is read. */
export type ActionShape =
  | "flag"
  | "text"
  | "number"
  | "allow"
  | "phase"
  | "severity"
  | "t"
  | "setvar"
  | "ctl"
  | "initcol"
  | "expirevar"
  | "setenv"
  | "refused";

/** What the parser has to know of an action. */
export interface ActionRow {
  readonly name: string;
  readonly class: ActionClass;
  readonly shape: ActionShape;
  /** For numbers: the smallest and the largest value. */
  readonly range?: readonly [number, number];
  /** For refused ones: why. */
  readonly reason?: string;
}

/** WHY this bound: ModSecurity keeps ids as 32-bit integers; a larger one would wrap there and name another rule. */
export const LIMIT_RULE_ID = 2_147_483_647;

const row = (name: string, klass: ActionClass, shape: ActionShape): ActionRow => ({
  name,
  class: klass,
  shape,
});

const many = (names: string, klass: ActionClass, shape: ActionShape): ActionRow[] =>
  names.split(/\s+/).map((name) => row(name, klass, shape));

const refused = (name: string, klass: ActionClass, reason: string): ActionRow => ({
  ...row(name, klass, "refused"),
  reason,
});

const number = (name: string, klass: ActionClass, range: readonly [number, number]): ActionRow => ({
  ...row(name, klass, "number"),
  range,
});

const rows: readonly ActionRow[] = [
  number("id", "metadata", [1, LIMIT_RULE_ID]),
  number("maturity", "metadata", [1, 9]),
  number("accuracy", "metadata", [1, 9]),
  row("phase", "metadata", "phase"),
  row("severity", "metadata", "severity"),
  ...many("msg rev tag ver", "metadata", "text"),
  row("allow", "disruptive", "allow"),
  ...many("block deny drop pass", "disruptive", "flag"),
  row("redirect", "disruptive", "text"),
  refused("pause", "disruptive", "an attacker could hold many requests open at no cost"),
  refused("proxy", "disruptive", "routing is not decided by rules"),
  number("status", "data", [100, 599]),
  row("xmlns", "data", "text"),
  row("chain", "flow", "flag"),
  number("skip", "flow", [1, LIMIT_RULE_ID]),
  row("skipAfter", "flow", "text"),
  ...many(
    "auditlog capture log multiMatch noauditlog nolog sanitiseMatched",
    "non-disruptive",
    "flag",
  ),
  ...many(
    `logdata sanitiseArg sanitiseRequestHeader sanitiseResponseHeader setrsc setsid setuid`,
    "non-disruptive",
    "text",
  ),
  row("t", "non-disruptive", "t"),
  row("setvar", "non-disruptive", "setvar"),
  row("ctl", "non-disruptive", "ctl"),
  row("initcol", "non-disruptive", "initcol"),
  row("expirevar", "non-disruptive", "expirevar"),
  row("setenv", "non-disruptive", "setenv"),
  refused("exec", "non-disruptive", "rules do not start programs or Lua scripts"),
  refused("append", "non-disruptive", "this engine only inspects; it changes no body"),
  refused("prepend", "non-disruptive", "this engine only inspects; it changes no body"),
  refused("deprecatevar", "non-disruptive", "use expirevar"),
  refused(
    "sanitiseMatchedBytes",
    "non-disruptive",
    "use sanitiseMatched, which hides the whole value",
  ),
];

/** American spellings of the same actions. */
const spellings = rows
  .filter(({ name }) => name.startsWith("sanitise"))
  .map((known) => [known.name.toLowerCase().replace("sanitise", "sanitize"), known] as const);

/** Every known action by its lower-case name. */
export const ACTIONS: ReadonlyMap<string, ActionRow> = new Map([
  ...rows.map((known) => [known.name.toLowerCase(), known] as const),
  ...spellings,
]);

/** The numbers of the severity names, as in syslog. */
export const SEVERITIES: readonly string[] = [
  "EMERGENCY",
  "ALERT",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "NOTICE",
  "INFO",
  "DEBUG",
];

/** The phases that have a name. */
export const PHASE_NAMES: ReadonlyMap<string, number> = new Map([
  ["request", 2],
  ["response", 4],
  ["logging", 5],
]);

const TRANSFORMATION_NAMES = `base64Decode base64DecodeExt base64Encode cmdLine compressWhitespace
  cssDecode escapeSeqDecode hexDecode hexEncode htmlEntityDecode jsDecode length lowercase md5 none
  normalizePath normalizePathWin parityEven7bit parityOdd7bit parityZero7bit removeComments
  removeCommentsChar removeNulls removeWhitespace replaceComments replaceNulls sha1 sqlHexDecode
  trim trimLeft trimRight uppercase urlDecode urlDecodeUni urlEncode utf8toUnicode`;

/** Canonical transformation names by their lower-case spelling, the British ones included. */
export const TRANSFORMATIONS: ReadonlyMap<string, string> = new Map([
  ...TRANSFORMATION_NAMES.split(/\s+/).map((name) => [name.toLowerCase(), name] as const),
  ["normalisepath", "normalizePath"],
  ["normalisepathwin", "normalizePathWin"],
]);
