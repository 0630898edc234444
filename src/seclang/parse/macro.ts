/** Cuts a text at its `%{...}` macros; it never looks up what they stand for. */
import type { ByteString } from "../byte-string.ts";
import type { MacroPart } from "./ast.ts";
import { nearestName } from "./nearest-name.ts";
import { shown, type Report } from "./parse-fault.ts";
import { VARIABLES } from "./variable-table.ts";

/** The parts of a text, in order. `%{` without `}` is plain text, as in ModSecurity; an unknown name is a fault. */
export function parseMacros(text: ByteString, report: Report): readonly MacroPart[] {
  const parts: MacroPart[] = [];
  let from = 0;
  while (from < text.length) {
    const open = text.indexOf("%{", from);
    const close = open === -1 ? -1 : text.indexOf("}", open + 2);
    if (close === -1) break;
    if (open > from) parts.push({ kind: "text", text: text.slice(from, open) });
    parts.push(macroOf(text.slice(open, close + 1), report));
    from = close + 1;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}

function macroOf(source: ByteString, report: Report): MacroPart {
  const inner = source.slice(2, -1);
  const dot = inner.search(/[.:]/);
  const name = dot === -1 ? inner : inner.slice(0, dot);
  // WHY the test: toUpperCase() makes SS of byte 0xDF, and so a known name of an unknown one.
  const variable = /^\w+$/.test(name) ? name.toUpperCase() : name;
  const shape = VARIABLES.get(variable);
  if (shape === undefined) {
    const hint = () => nearestName(variable, VARIABLES.keys());
    report("seclang.macro", `${shown(source)} names no known variable`, { hint });
    return { kind: "text", text: source };
  }
  if (dot === -1) return { kind: "macro", variable, source };
  if (shape === "scalar")
    report("seclang.macro", `${shown(source)}: ${variable} has one value and takes no key`);
  return { kind: "macro", variable, key: inner.slice(dot + 1), source };
}
