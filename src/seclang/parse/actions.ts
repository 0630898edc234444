/** Reads the action list of a rule, `id:1,phase:2,msg:'...'`; an action it does not know is a fault, never skipped. */
import {
  ACTIONS,
  PHASE_NAMES,
  SEVERITIES,
  TRANSFORMATIONS,
  type ActionRow,
} from "./action-table.ts";
import { splitActions } from "./action-list.ts";
import type { ByteString } from "../byte-string.ts";
import type { Action } from "./ast.ts";
import { parseCtl } from "./ctl.ts";
import { parseMacros } from "./macro.ts";
import { nearestName } from "./nearest-name.ts";
import { shown, type Report } from "./parse-fault.ts";
import { parseExpireVar, parseInitCol, parseSetEnv, parseSetVar } from "./set-var.ts";

/** An action may carry one of each of these: two ids or phases mean that a line was pasted over another. */
const SINGLE: ReadonlySet<string> = new Set(["id", "phase"]);

/** The actions of a list in their order; faults are told and the action left out. */
export function parseActions(text: ByteString, report: Report): readonly Action[] {
  const actions: Action[] = [];
  const seen = new Set<string>();
  for (const { name, value } of splitActions(text, report)) {
    const row = ACTIONS.get(name.toLowerCase());
    if (row === undefined) {
      const hint = () => nearestName(name, ACTIONS.keys());
      report("seclang.action", `${shown(name)} is no known action`, { hint });
      continue;
    }
    if (SINGLE.has(row.name) && seen.has(row.name))
      report("seclang.action", `${row.name} is given twice`);
    seen.add(row.name);
    const action = readAction(row, value, report);
    if (action !== undefined) actions.push(action);
  }
  return actions;
}

function readAction(
  row: ActionRow,
  value: ByteString | undefined,
  report: Report,
): Action | undefined {
  if (row.shape === "refused") {
    report("seclang.refused", `${row.name} is not run here: ${row.reason ?? ""}`);
    return undefined;
  }
  if (row.shape === "flag") {
    if (value === undefined) return { class: row.class, kind: "flag", name: row.name };
    report("seclang.value", `${row.name} takes no value`);
    return undefined;
  }
  if (row.shape === "allow") return readAllow(row, value, report);
  if (value === undefined || value === "") {
    report("seclang.value", `${row.name} needs a value`);
    return undefined;
  }
  return readValued(row, value, report);
}

/** Reads an action whose value is never empty; the shapes without such a value were read before. */
function readValued(row: ActionRow, value: ByteString, report: Report): Action | undefined {
  switch (row.shape) {
    case "text": {
      const parts = parseMacros(value, report);
      return { class: row.class, kind: "text", name: row.name, text: value, parts };
    }
    case "t": {
      const transformation = TRANSFORMATIONS.get(value.toLowerCase());
      if (transformation !== undefined)
        return { class: row.class, kind: "transform", name: "t", transformation };
      const hint = () => nearestName(value, TRANSFORMATIONS.values());
      report("seclang.value", `${shown(value)} is no known transformation`, { hint });
      return undefined;
    }
    case "setvar": {
      const setVar = parseSetVar(value, report);
      return setVar && { class: row.class, kind: "setvar", name: "setvar", ...setVar };
    }
    case "ctl": {
      const ctl = parseCtl(value, report);
      return ctl && { class: row.class, kind: "ctl", name: "ctl", ...ctl };
    }
    case "initcol":
      return classed(row, parseInitCol(value, report));
    case "expirevar":
      return classed(row, parseExpireVar(value, report));
    case "setenv":
      return classed(row, parseSetEnv(value, report));
    case "number":
    case "phase":
    case "severity":
      return readNumber(row, value, report);
    case "allow":
    case "flag":
    case "refused":
      return undefined;
  }
}

function classed<Kind extends "initcol" | "expirevar" | "setenv">(
  row: ActionRow,
  read: Omit<Extract<Action, { kind: Kind }>, "class"> | undefined,
): Action | undefined {
  return read && ({ class: row.class, ...read } as Action);
}

function readAllow(
  row: ActionRow,
  value: ByteString | undefined,
  report: Report,
): Action | undefined {
  const scope = value?.toLowerCase() ?? "transaction";
  if (scope === "transaction" && value !== undefined) {
    report("seclang.value", "allow takes phase, request or nothing");
    return undefined;
  }
  if (scope === "transaction" || scope === "phase" || scope === "request")
    return { class: row.class, kind: "allow", name: "allow", scope };
  report("seclang.value", `allow takes phase, request or nothing, not ${shown(scope)}`);
  return undefined;
}

function readNumber(row: ActionRow, value: ByteString, report: Report): Action | undefined {
  const [least, most] = rangeOf(row);
  const number = /^\d{1,10}$/.test(value) ? Number(value) : namedNumber(row, value);
  if (number !== undefined && number >= least && number <= most)
    return { class: row.class, kind: "number", name: row.name, value: number };
  report("seclang.value", `${row.name} takes ${least} to ${most}, not ${shown(value)}`);
  return undefined;
}

function rangeOf(row: ActionRow): readonly [number, number] {
  if (row.shape === "phase") return [1, 5];
  if (row.shape === "severity") return [0, SEVERITIES.length - 1];
  return row.range ?? [0, 0];
}

function namedNumber(row: ActionRow, value: ByteString): number | undefined {
  if (row.shape === "phase") return PHASE_NAMES.get(value.toLowerCase());
  if (row.shape !== "severity") return undefined;
  const index = SEVERITIES.indexOf(value.toUpperCase());
  return index === -1 ? undefined : index;
}
