/** Which fields the outputs of a pack depend on. Bits that lead to no output do not count: nothing enforces them. */
import { FIELD_NAMES, type FieldName } from "../fields.ts";
import type { Expression, Member, Pack, Structure } from "../pack.ts";

export function fieldsRead({ bits, wires, outputs }: Pack): ReadonlySet<FieldName> {
  const expressions = new Map(bits.map(({ id, expression }) => [id, expression]));
  const structures = new Map(wires.map(({ id, structure }) => [id, structure]));
  const open: Member[] = outputs.map(({ trigger }) => trigger.of);
  const seen = new Set<string>();
  const fields = new Set<FieldName>();
  for (let member = open.pop(); member; member = open.pop()) {
    if (member.kind !== "structure") {
      if (seen.has(member.id)) continue;
      seen.add(member.id);
    }
    const structure: Structure | undefined =
      member.kind === "structure" ? member.structure : structures.get(member.id);
    open.push(...(structure?.members ?? []));
    const expression = member.kind === "bit" ? expressions.get(member.id) : undefined;
    if (expression) collectFields(expression, fields);
    if (fields.size === FIELD_NAMES.length) break;
  }
  return fields;
}

/** Recursive; the depth of a rule is bounded where it is parsed. */
function collectFields(expression: Expression, fields: Set<FieldName>): void {
  switch (expression.kind) {
    case "and":
    case "or":
      for (const side of expression.of) collectFields(side, fields);
      return;
    case "not":
      collectFields(expression.of, fields);
      return;
    case "field":
      fields.add(expression.field);
      return;
    case "compare":
      for (const operand of [expression.left, expression.right])
        if (operand.kind === "field") fields.add(operand.field);
      return;
    case "literal":
      return;
  }
}
