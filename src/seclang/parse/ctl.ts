/** Reads the `ctl` action, `option=value;TARGET`; an option it does not know is a fault, never a change that is silently lost. */
import type { ByteString } from "../byte-string.ts";
import type { Ctl, Variable } from "./ast.ts";
import { parseIdRanges } from "./id-range.ts";
import { trimBlanks } from "./lines.ts";
import { nearestName } from "./nearest-name.ts";
import { shown, type Report } from "./parse-fault.ts";
import { parseVariables } from "./variables.ts";

type ValueShape = readonly string[] | RegExp | "ids" | "text" | "ids;targets" | "text;targets";

const SWITCH = ["On", "Off"] as const;
const SIZE = /^\d{1,15}$/;

const OPTIONS: readonly (readonly [string, ValueShape])[] = [
  ["auditEngine", ["On", "Off", "RelevantOnly"]],
  ["auditLogParts", /^[+-]?[A-Z]+$/],
  ["debugLogLevel", /^[0-9]$/],
  ["forceRequestBodyVariable", SWITCH],
  ["forceResponseBodyVariable", SWITCH],
  ["parseXmlIntoArgs", ["On", "Off", "OnlyArgs"]],
  ["requestBodyAccess", SWITCH],
  ["requestBodyLimit", SIZE],
  ["requestBodyProcessor", ["URLENCODED", "JSON", "XML", "MULTIPART", "RAW"]],
  ["responseBodyAccess", SWITCH],
  ["responseBodyLimit", SIZE],
  ["responseBodyProcessor", ["JSON", "XML"]],
  ["ruleEngine", ["On", "Off", "DetectionOnly"]],
  ["ruleRemoveById", "ids"],
  ["ruleRemoveByMsg", "text"],
  ["ruleRemoveByTag", "text"],
  ["ruleRemoveTargetById", "ids;targets"],
  ["ruleRemoveTargetByMsg", "text;targets"],
  ["ruleRemoveTargetByTag", "text;targets"],
];

const OPTION_BY_NAME: ReadonlyMap<string, readonly [string, ValueShape]> = new Map(
  OPTIONS.map((entry) => [entry[0].toLowerCase(), entry] as const),
);

/** The parts of a `ctl` value, or undefined after a fault. */
export function parseCtl(text: ByteString, report: Report): Ctl | undefined {
  const equals = text.indexOf("=");
  const written = equals === -1 ? text : text.slice(0, equals);
  const entry = OPTION_BY_NAME.get(written.trim().toLowerCase());
  if (entry === undefined) {
    const names = OPTIONS.map(([name]) => name);
    const hint = () => nearestName(written, names);
    report("seclang.action", `ctl: ${shown(written)} is no known option`, { hint });
    return undefined;
  }
  const [option, shape] = entry;
  const value = equals === -1 ? "" : trimBlanks(text.slice(equals + 1));
  const semicolon = isTargeted(shape) ? value.indexOf(";") : -1;
  const subject = semicolon === -1 ? value : trimBlanks(value.slice(0, semicolon));
  const canonical = checkedValue(subject, shape);
  const isById = shape === "ids" || shape === "ids;targets";
  const ids = isById ? parseIdRanges(subject) : [];
  if (canonical === undefined || canonical === "" || ids === undefined) {
    const hint = Array.isArray(shape) ? `one of ${shape.join(", ")}` : undefined;
    report("seclang.value", `ctl:${option} does not take ${shown(value)}`, { hint });
    return undefined;
  }
  const ctl = { option, value: canonical, ...(isById ? { ids } : {}) };
  if (!isTargeted(shape)) return ctl;
  const targets = readTargets(semicolon === -1 ? "" : value.slice(semicolon + 1), option, report);
  return targets && { ...ctl, targets };
}

function isTargeted(shape: ValueShape): boolean {
  return shape === "ids;targets" || shape === "text;targets";
}

function checkedValue(value: ByteString, shape: ValueShape): ByteString | undefined {
  if (typeof shape === "string") return value;
  if (shape instanceof RegExp) return shape.test(value) ? value : undefined;
  return shape.find((allowed) => allowed.toLowerCase() === value.toLowerCase());
}

function readTargets(
  list: ByteString,
  option: string,
  report: Report,
): readonly Variable[] | undefined {
  if (list === "") {
    report("seclang.value", `ctl:${option} needs a target`, { hint: `${option}=...;ARGS:name` });
    return undefined;
  }
  const targets = parseVariables(list, report);
  if (targets.length === 0) return undefined;
  if (targets.some(({ count, excluded }) => count || excluded)) {
    report("seclang.value", `ctl:${option}: a target takes neither & nor !`);
    return undefined;
  }
  return targets;
}
