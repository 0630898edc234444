/**
 * The context of one request as written in a file: by full names (`context.req.path`), without the prefix, or nested. Each field has
 * its own type, and nothing is converted: what a case says must be what a gateway would say.
 */
import { nearest } from "../../config/nearest.ts";
import type { Origin } from "../../config/diagnostic.ts";
import type { SourceNode } from "../../config/source-node.ts";
import { SourceText } from "../../config/source-text.ts";
import {
  FIELD_NAMES,
  FIELDS,
  isFieldName,
  type FieldName,
  type FieldType,
  type FieldValue,
  type FieldValues,
} from "../fields.ts";
import { ORDINARY_REQUEST } from "../prove/always-there.ts";
import { CaseFindings, parsedOrRefused } from "./case-findings.ts";

const PREFIX = "context.";

/** The context in a file of its own, YAML or JSON. Throws `CasesRefused`. */
export function readContext(name: string, text: string): FieldValues {
  const source = new SourceText(name, text);
  const findings = new CaseFindings(source);
  const values = contextOf(parsedOrRefused(source, findings), findings);
  findings.refuseIfAny();
  return values;
}

/** What a mapping says of a request. What every request has, and the mapping does not name, is ordinary: `GET /`, no break-glass. */
export function contextOf(node: SourceNode, findings: CaseFindings): FieldValues {
  const values: { [Name in FieldName]?: FieldValue | undefined } = {};
  collect({ node, path: "", origin: node.origin }, values, findings);
  // Each value was held against its own field's type.
  return { ...ORDINARY_REQUEST, ...values } as FieldValues;
}

interface Place {
  readonly node: SourceNode;
  /** Names down to here, with dots. */
  readonly path: string;
  readonly origin: Origin;
}

function collect(
  { node, path, origin }: Place,
  values: { [Name in FieldName]?: FieldValue | undefined },
  findings: CaseFindings,
): void {
  const field = fieldNamed(path);
  if (field) {
    if (values[field] !== undefined)
      findings.add(origin, "cases.field_twice", `${field} is written twice`);
    const value = valueOf(node, field);
    if (value === undefined)
      findings.add(node.origin, "cases.wrong_type", `${field} is ${MEANT[FIELDS[field]]}`);
    else values[field] = value;
    return;
  }
  if (!isBeginning(path)) {
    const near = nearest(path, FIELD_NAMES) ?? nearest(PREFIX + path, FIELD_NAMES);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return findings.add(origin, "cases.unknown_field", `there is no field ${path}${hint}`);
  }
  if (node.kind !== "map")
    return findings.add(
      origin,
      "cases.wrong_type",
      `${path || "a context"} is a mapping of fields`,
    );
  for (const [key, entry] of node.entries)
    collect(
      { node: entry.node, path: path === "" ? key : `${path}.${key}`, origin: entry.keyOrigin },
      values,
      findings,
    );
}

const MEANT: Readonly<Record<FieldType, string>> = {
  boolean: "true or false; leave it out when the request does not have it",
  number: "a number; leave it out when the request does not have it",
  string: "a text: put it in quotes, or leave it out when the request does not have it",
  list: "a list of texts: [a, b]",
};

function fieldNamed(path: string): FieldName | undefined {
  if (isFieldName(path)) return path;
  const prefixed = PREFIX + path;
  return isFieldName(prefixed) ? prefixed : undefined;
}

function isBeginning(path: string): boolean {
  if (path === "") return true;
  return FIELD_NAMES.some(
    (name) => name.startsWith(`${path}.`) || name.startsWith(`${PREFIX}${path}.`),
  );
}

/** Undefined for a value of another type. */
function valueOf(node: SourceNode, field: FieldName): FieldValue | undefined {
  const type = FIELDS[field];
  if (type === "list") return listOf(node);
  if (node.kind !== "scalar" || node.value === null) return undefined;
  return typeof node.value === type ? node.value : undefined;
}

function listOf(node: SourceNode): ReadonlySet<string> | undefined {
  if (node.kind !== "list") return undefined;
  const texts = node.items.map((item) => (item.kind === "scalar" ? item.value : undefined));
  return texts.every((text) => typeof text === "string") ? new Set(texts) : undefined;
}
