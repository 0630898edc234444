/** Texts with macros, compiled once; what a macro names and does not exist becomes nothing, as in ModSecurity. */
import type { ByteString } from "../byte-string.ts";
import { lowerName } from "../collections/lower-name.ts";
import type { MacroPart } from "../parse/ast.ts";
import { macroValue } from "./look-up.ts";
import type { TransactionState } from "./transaction-state.ts";

/** Bytes of an expanded text: macros may name whole values, and rules may join texts in rounds. */
const LIMIT_TEXT_BYTES = 65_536;

export type TextTemplate = (state: TransactionState) => ByteString;

/** The text's value in a transaction. */
export function compileText(parts: readonly MacroPart[]): TextTemplate {
  const constant = constantText(parts);
  if (constant !== undefined) return () => constant;
  const pieces = parts.map((part) => (part.kind === "text" ? part.text : compileMacro(part)));
  return (state) => {
    let text = "";
    for (const piece of pieces) text += typeof piece === "string" ? piece : (piece(state) ?? "");
    return text.length > LIMIT_TEXT_BYTES ? text.slice(0, LIMIT_TEXT_BYTES) : text;
  };
}

type Macro = Extract<MacroPart, { kind: "macro" }>;

/** TX is what nearly all macros name: its names are put in lower case once, and looked up once. */
function compileMacro({
  variable,
  key,
}: Macro): (state: TransactionState) => ByteString | undefined {
  if (variable !== "TX" || key === undefined) return (state) => macroValue(state, variable, key);
  const name = lowerName(key);
  let slot: number | undefined;
  return ({ tx }) => {
    // Slots never change; a name that has none yet may get one.
    slot ??= tx.slotOf(name);
    return slot === undefined ? tx.get(name) : tx.atSlot(slot);
  };
}

/** The text itself when it holds no macro. */
export function constantText(parts: readonly MacroPart[]): ByteString | undefined {
  return parts.every((part) => part.kind === "text")
    ? parts.map((part) => (part.kind === "text" ? part.text : "")).join("")
    : undefined;
}
