/** The bits of a pack: ids, descriptions, and rules whose mistakes are pointed at within the YAML line. */
import type { SourceNode } from "../../config/source-node.ts";
import { readLogic } from "../language/read-logic.ts";
import type { Bit, Expression } from "../pack.ts";
import type { Findings } from "./findings.ts";
import { lineOf } from "./line-of.ts";
import { Mapping, type PlacedText } from "./mapping.ts";
import { takeAtMost } from "./part-limit.ts";
import { PatternCount } from "./pattern-count.ts";
import type { RuleNames } from "./rule-names.ts";
import { placeInScalar } from "./scalar-place.ts";

/** Each is evaluated for a request at worst, some nanoseconds each. */
const BIT_LIMIT = 4_096;

export function readBits(
  nodes: readonly SourceNode[],
  names: RuleNames,
  findings: Findings,
): readonly Bit[] {
  const patterns = new PatternCount(findings);
  const bits: Bit[] = [];
  for (const node of takeAtMost(nodes, { limit: BIT_LIMIT, what: "bits" }, findings)) {
    if (findings.isFull) break;
    const fields = Mapping.of(
      node,
      { what: "a bit", required: ["id", "logic"], optional: ["description"] },
      findings,
    );
    const placed = fields?.text("id");
    const id = placed && names.declare("bit", placed);
    const description = fields?.text("description")?.text ?? "";
    const logic = fields?.text("logic");
    const expression = logic && readRule(logic, findings);
    if (!placed || !id || !logic || !expression) continue;
    patterns.add(expression, logic.origin);
    bits.push({ id, description, logic: logic.text, expression, line: lineOf(placed.origin) });
  }
  return bits;
}

function readRule({ text, origin }: PlacedText, findings: Findings): Expression | undefined {
  const read = readLogic(text);
  if ("expression" in read) return read.expression;
  for (const { code, message, hint, at } of read.faults) {
    const start = origin.kind === "file" ? placeInScalar(origin.source.text, origin, at) : 0;
    findings.addAt(start, { code, message, hint });
  }
  return undefined;
}
