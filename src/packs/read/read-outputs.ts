/** The outputs of a pack, in the order in which they are asked. */
import type { SourceNode } from "../../config/source-node.ts";
import { quoted } from "../language/quoted.ts";
import type { Output, Trigger } from "../pack.ts";
import type { Findings } from "./findings.ts";
import { lineOf } from "./line-of.ts";
import { Mapping, type PlacedText } from "./mapping.ts";
import { takeAtMost } from "./part-limit.ts";
import { readAction } from "./read-action.ts";
import type { RuleNames } from "./rule-names.ts";

/** Each is asked for a request at worst. */
const OUTPUT_LIMIT = 1_024;
const OUTPUT_ID = /^(?:allow_(?=.{1,58}$)|deny_(?=.{1,59}$))[A-Za-z0-9][A-Za-z0-9_]*$/;
const TRIGGER = /^(NOT\( *)?([A-Za-z][A-Za-z0-9_]*)( *\))?$/;

export function readOutputs(
  nodes: readonly SourceNode[],
  names: RuleNames,
  findings: Findings,
): readonly Output[] {
  const lines = new Map<string, number>();
  const limit = { limit: OUTPUT_LIMIT, what: "outputs" };
  return takeAtMost(nodes, limit, findings).flatMap((node): Output[] => {
    if (findings.isFull) return [];
    const named = readName(node, findings);
    if (!named) return [];
    const { text: id, origin } = named.name;
    const line = lineOf(origin);
    const first = lines.get(id);
    if (first !== undefined) {
      const message = `${id} is defined twice`;
      const hint = `the first is in line ${first}`;
      findings.add(origin, { code: "pack.duplicate_id", message, hint });
    }
    lines.set(id, first ?? line);
    const effect = id.startsWith("allow_") ? "allow" : "deny";
    const fields = Mapping.of(
      named.node,
      { what: "an output", required: ["trigger", "action"] },
      findings,
    );
    const trigger = fields && readTrigger(fields.text("trigger"), names, findings);
    const action = fields && readAction(fields.text("action"), { id, effect }, findings);
    return trigger && action ? [{ id, effect, trigger, ...action, line }] : [];
  });
}

interface NamedNode {
  readonly name: PlacedText;
  readonly node: SourceNode;
}

function readName(node: SourceNode, findings: Findings): NamedNode | undefined {
  const [entry, ...others] = node.kind === "map" ? node.entries : [];
  if (!entry || others.length > 0) {
    findings.add(node.origin, {
      code: "pack.bad_output_id",
      message: "an output is a mapping of its one id",
      hint: "write '- allow_name:' and below it, indented, trigger and action",
    });
    return undefined;
  }
  const [id, { keyOrigin, node: content }] = entry;
  if (OUTPUT_ID.test(id)) return { name: { text: id, origin: keyOrigin }, node: content };
  findings.add(keyOrigin, {
    code: "pack.bad_output_id",
    message: `${quoted(id)} is no id of an output`,
    hint: "allow_ or deny_, then letters, digits and underscores (ASCII), 64 in all",
  });
  return undefined;
}

function readTrigger(
  placed: PlacedText | undefined,
  names: RuleNames,
  findings: Findings,
): Trigger | undefined {
  if (!placed) return undefined;
  const { text, origin } = placed;
  const [, opening, id = "", closing] = TRIGGER.exec(text) ?? [];
  if (id === "" || (opening === undefined) !== (closing === undefined)) {
    const message = `${quoted(text)} is no trigger`;
    const hint = "a trigger is the id of a bit or a wire, or NOT(id)";
    findings.add(origin, { code: "pack.bad_trigger", message, hint });
    return undefined;
  }
  const of = names.resolve({ text: id, origin });
  return of && { negated: opening !== undefined, of };
}
