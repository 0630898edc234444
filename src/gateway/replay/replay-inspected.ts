/** What the firewall found, read back from a `decision` line. It takes the line at its word, and leaves out what is not there. */
import type { Inspected, InspectedField, InspectedRule } from "../../pipeline/facts.ts";

type Members = Readonly<Record<string, unknown>>;

/** Undefined when nothing was inspected. `waf` is the member of the line's facts. */
export function readInspected(waf: unknown): Inspected | undefined {
  if (!isMembers(waf)) return undefined;
  const refused = waf["refused_by"];
  return {
    mode: waf["mode"] === "detect" ? "detect" : "enforce",
    request: coverageOf(waf["request"]),
    answer: coverageOf(waf["answer"]),
    matched: membersIn(waf["rules"]).map(readRule),
    scores: readScores(waf["scores"]),
    refusedBy: isMembers(refused)
      ? { rule: numberOf(refused["rule"]) ?? 0, status: numberOf(refused["status"]) ?? 403 }
      : undefined,
    isOverBudget: waf["over_budget"] === true,
    micros: numberOf(waf["us"]) ?? 0,
  };
}

const coverageOf = (value: unknown): Inspected["request"] =>
  value === "whole" || value === "head" ? value : "nothing";

const readRule = (rule: Members): InspectedRule => ({
  id: numberOf(rule["id"]) ?? 0,
  phase: numberOf(rule["phase"]) ?? 2,
  message: textOf(rule["message"]),
  severity: numberOf(rule["severity"]),
  scores: readScores(rule["scores"]),
  fields: membersIn(rule["fields"]).map(readField),
});

const readField = (field: Members): InspectedField => ({
  name: textOf(field["name"]),
  start: numberOf(field["from"]) ?? -1,
  end: numberOf(field["to"]) ?? -1,
});

function readScores(scores: unknown): Readonly<Record<string, number>> {
  if (!isMembers(scores)) return {};
  return Object.fromEntries(
    Object.entries(scores).flatMap(([name, value]) =>
      typeof value === "number" ? [[name, value] as const] : [],
    ),
  );
}

const membersIn = (value: unknown): readonly Members[] =>
  Array.isArray(value) ? value.filter(isMembers) : [];

const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" ? value : undefined;

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
