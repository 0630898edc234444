/** Texts with macros, compiled once; what a macro names and does not exist becomes nothing, as in ModSecurity. */
import type { ByteString } from "../byte-string.ts";
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
  return (state) => {
    let text = "";
    for (const part of parts)
      text += part.kind === "text" ? part.text : (macroValue(state, part.variable, part.key) ?? "");
    return text.length > LIMIT_TEXT_BYTES ? text.slice(0, LIMIT_TEXT_BYTES) : text;
  };
}

/** The text itself when it holds no macro. */
export function constantText(parts: readonly MacroPart[]): ByteString | undefined {
  return parts.every((part) => part.kind === "text")
    ? parts.map((part) => (part.kind === "text" ? part.text : "")).join("")
    : undefined;
}
