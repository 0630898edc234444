/** Finds the value of a variable by name, for macros and for targets that are no entries; what does not exist is undefined, never an error. */
import type { ByteString } from "../byte-string.ts";
import { PART, type Entry } from "../collections/entry.ts";
import { lowerName } from "../collections/lower-name.ts";
import { partsOf, xmlPartsOf } from "../compile/variable-parts.ts";
import { sourceOf } from "../compile/rule-choice.ts";
import type { Member } from "../collections/parts.ts";
import { bitOf, type TransactionState } from "./transaction-state.ts";

/** Flags of body processors: 0 until one of them says otherwise. */
const ZERO_FLAGS: ReadonlySet<string> = new Set(
  `MULTIPART_STRICT_ERROR MULTIPART_UNMATCHED_BOUNDARY MULTIPART_BOUNDARY_QUOTED
  MULTIPART_BOUNDARY_WHITESPACE MULTIPART_DATA_AFTER MULTIPART_DATA_BEFORE
  MULTIPART_FILE_LIMIT_EXCEEDED MULTIPART_HEADER_FOLDING MULTIPART_INVALID_HEADER_FOLDING
  MULTIPART_INVALID_PART MULTIPART_INVALID_QUOTING MULTIPART_LF_LINE MULTIPART_CRLF_LF_LINES
  MULTIPART_MISSING_SEMICOLON REQBODY_ERROR REQBODY_PROCESSOR_ERROR RES_BODY_ERROR
  RES_BODY_PROCESSOR_ERROR INBOUND_DATA_ERROR INBOUND_ERROR_DATA OUTBOUND_DATA_ERROR
  OUTBOUND_ERROR_DATA URLENCODED_ERROR MSC_PCRE_ERROR MSC_PCRE_LIMITS_EXCEEDED
  FILES_COMBINED_SIZE PERF_ALL PERF_COMBINED PERF_GC PERF_LOGGING PERF_PHASE1 PERF_PHASE2
  PERF_PHASE3 PERF_PHASE4 PERF_PHASE5 PERF_SREAD PERF_SWRITE SDBM_DELETE_ERROR`.split(/\s+/),
);

const two = (number: number): string => String(number).padStart(2, "0");

const time = (read: (date: Date) => string) => (state: TransactionState) =>
  read(new Date(state.nowMs));

/** Variables that are computed when asked for. */
const COMPUTED: Readonly<Record<string, (state: TransactionState) => ByteString | undefined>> = {
  ARGS_COMBINED_SIZE: (state) => String(combinedSize(state)),
  DURATION: (state) => String(Math.max(0, Date.now() - state.nowMs) * 1_000),
  HIGHEST_SEVERITY: (state) => String(state.highestSeverity),
  MATCHED_VAR: (state) => state.matchedVariable,
  MATCHED_VAR_NAME: (state) => state.matchedName,
  MODSEC_BUILD: () => "030000000",
  TIME: time((date) => date.toISOString().slice(11, 19)),
  TIME_DAY: time((date) => String(date.getUTCDate())),
  TIME_EPOCH: (state) => String(Math.floor(state.nowMs / 1_000)),
  TIME_HOUR: time((date) => two(date.getUTCHours())),
  TIME_MIN: time((date) => two(date.getUTCMinutes())),
  TIME_MON: time((date) => String(date.getUTCMonth() + 1)),
  TIME_SEC: time((date) => two(date.getUTCSeconds())),
  TIME_WDAY: time((date) => String(date.getUTCDay())),
  TIME_YEAR: time((date) => String(date.getUTCFullYear())),
};

/** ARGS_COMBINED_SIZE: the bytes of all argument names and values. */
function combinedSize(state: TransactionState): number {
  let bytes = 0;
  const parts = (partsOf("ARGS") ?? 0) | (partsOf("ARGS_NAMES") ?? 0);
  forEachEntry(state, parts, (entry) => {
    if (state.isSent(entry)) bytes += entry.value.length;
  });
  return bytes;
}

function forEachEntry(state: TransactionState, parts: number, visit: (entry: Entry) => void): void {
  for (let rest = parts; rest !== 0; rest &= rest - 1)
    for (const entry of state.entriesAt(bitOf(rest & -rest))) visit(entry);
}

/** A variable that has one value. */
export function scalarOf(state: TransactionState, name: string): ByteString | undefined {
  const computed = COMPUTED[name];
  if (computed !== undefined) return computed(state);
  const parts = partsOf(name);
  if (parts !== undefined) return state.entriesAt(bitOf(parts & -parts))[0]?.value;
  const known = state.variable(name);
  return known ?? (ZERO_FLAGS.has(name) ? "0" : undefined);
}

/** The members of a collection that is not made of entries; a scalar is a collection of one without a name. */
export function membersOf(state: TransactionState, name: string): readonly Member[] {
  switch (name) {
    case "TX":
      return [...state.tx.members()];
    case "MATCHED_VARS":
      // A copy: a link that reads them adds to them while it does.
      return [...state.matchedVariables];
    case "MATCHED_VARS_NAMES":
      return state.matchedVariables.map((one) => ({ name: one.name, value: one.name }));
    case "ENV":
      return [...state.environment].map(([key, value]) => ({ name: key, value }));
    case "RULE":
      return ruleMembers(state);
    default:
      return storedOrRead(state, name);
  }
}

function storedOrRead(state: TransactionState, name: string): readonly Member[] {
  const stored = state.storedVariables(name);
  if (stored !== undefined) return [...stored].map(([key, { value }]) => ({ name: key, value }));
  const members = state.membersOf(name);
  if (members.length > 0) return members;
  const value = scalarOf(state, name);
  return value === undefined ? [] : [{ name: "", value }];
}

function ruleMembers({ rule }: TransactionState): readonly Member[] {
  if (rule === undefined) return [];
  const { id, message, severity } = rule;
  return [
    { name: "id", value: String(id) },
    { name: "msg", value: sourceOf(message) },
    ...(severity === undefined ? [] : [{ name: "severity", value: String(severity) }]),
  ];
}

/** What `%{VARIABLE.key}` stands for: the first value, or undefined. */
export function macroValue(
  state: TransactionState,
  variable: string,
  key: ByteString | undefined,
): ByteString | undefined {
  if (key === undefined) return scalarOf(state, variable) ?? membersOf(state, variable)[0]?.value;
  const lowerKey = lowerName(key);
  if (variable === "TX") return state.tx.get(lowerKey);
  const parts = variable === "XML" ? (xmlPartsOf(key) ?? PART.xmlText) : partsOf(variable);
  if (parts === undefined)
    return membersOf(state, variable).find(({ name }) => lowerName(name) === lowerKey)?.value;
  for (let rest = parts; rest !== 0; rest &= rest - 1)
    for (const entry of state.entriesAt(bitOf(rest & -rest)))
      if (lowerName(entry.name) === lowerKey) return entry.value;
  return undefined;
}
