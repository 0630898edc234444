/**
 * What the firewall found, as an object of JSON on one line: for the log and for the ledger. It must never hold a part of
 * what was inspected; names of fields are cut down to plain ones before they get here.
 */
import type { Inspected, InspectedField, InspectedRule } from "../pipeline/facts.ts";
import { escapeJsonText, nameText } from "./json-text.ts";

export function inspectedText(inspected: Inspected): string {
  const { mode, request, answer, matched, scores, refusedBy, isOverBudget, micros } = inspected;
  let text = `{"mode":"${mode}","request":"${request}"`;
  if (answer !== "nothing") text += `,"answer":"${answer}"`;
  if (matched.length > 0) text += `,"rules":[${matched.map(ruleText).join()}]`;
  text += scoresText(scores);
  if (refusedBy !== undefined)
    text += `,"refused_by":{"rule":${refusedBy.rule},"status":${refusedBy.status}}`;
  if (isOverBudget) text += `,"over_budget":true`;
  return `${text},"us":${Math.max(0, Math.round(micros))}}`;
}

function ruleText({ id, phase, message, severity, scores, fields }: InspectedRule): string {
  let text = `{"id":${id},"phase":${phase}`;
  if (message !== "") text += `,"message":"${escapeJsonText(message)}"`;
  if (severity !== undefined) text += `,"severity":${severity}`;
  text += scoresText(scores);
  if (fields.length > 0) text += `,"fields":[${fields.map(fieldText).join()}]`;
  return `${text}}`;
}

function fieldText({ name, start, end }: InspectedField): string {
  const range = start < 0 ? "" : `,"from":${start},"to":${end}`;
  return `{"name":"${nameText(name)}"${range}}`;
}

function scoresText(scores: Readonly<Record<string, number>>): string {
  const members = Object.entries(scores);
  if (members.length === 0) return "";
  return `,"scores":{${members.map(([name, value]) => `"${escapeJsonText(name)}":${value}`).join()}}`;
}
