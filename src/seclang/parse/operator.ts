/** Reads the operator of a rule, `!@name argument`; it neither compiles patterns nor expands macros. */
import type { ByteString } from "../byte-string.ts";
import type { Operator } from "./ast.ts";
import { nearestName } from "./nearest-name.ts";
import { OPERATORS } from "./operator-table.ts";
import { shown, type Report } from "./parse-fault.ts";

const SHAPE = /^[ \t\n\v\f\r]*(!?)[ \t\n\v\f\r]*(?:@(\S*)[ \t\n\v\f\r]*)?/;

/** The operator of a rule; without `@` the whole text is a pattern for rx. Undefined after a fault. */
export function parseOperator(text: ByteString, report: Report): Operator | undefined {
  const [head = "", bang = "", written] = SHAPE.exec(text) ?? [];
  const negated = bang === "!";
  const argument = text.slice(head.length);
  if (written === undefined) return { name: "rx", negated, argument };
  const row = OPERATORS.get(written.toLowerCase());
  if (row === undefined) {
    const hint = () =>
      nearestName(written, OPERATORS.keys()) ?? "a pattern that begins with @ is written @rx @...";
    report("seclang.operator", `@${shown(written).slice(1, -1)} is no known operator`, { hint });
    return undefined;
  }
  if (row.refused !== undefined) {
    report("seclang.refused", `@${row.name} is not run here: ${row.refused}`);
    return undefined;
  }
  if (row.argument === "required" && argument === "") {
    report("seclang.operator", `@${row.name} needs an argument`);
    return undefined;
  }
  return { name: row.name, negated, argument };
}
