/** Reads `setvar`, `expirevar`, `initcol` and `setenv`; names and values keep their macros for run time. */
import type { ByteString } from "../byte-string.ts";
import type { Action, MacroPart, SetVar } from "./ast.ts";
import { trimBlanks } from "./lines.ts";
import { parseMacros } from "./macro.ts";
import { shown, type Report } from "./parse-fault.ts";
import { WRITABLE_COLLECTIONS } from "./variable-table.ts";

type Named<Kind> = Omit<Extract<Action, { kind: Kind }>, "class">;

/** `[!]COLLECTION.key[=[+-]value]`, or undefined after a fault. Without a value it sets 1, as in ModSecurity. */
export function parseSetVar(text: ByteString, report: Report): SetVar | undefined {
  const isUnset = text.startsWith("!");
  const [path, raw] = cutAtEquals(isUnset ? text.slice(1) : text);
  const target = parsePath(path, report);
  if (target === undefined) return undefined;
  if (isUnset) {
    if (raw === undefined) return { ...target, op: "unset", value: [] };
    report("seclang.value", `setvar: ${shown(text)} both removes and sets`);
    return undefined;
  }
  if (raw === undefined) return { ...target, op: "set", value: [{ kind: "text", text: "1" }] };
  const op = raw.startsWith("+") ? "add" : raw.startsWith("-") ? "subtract" : "set";
  const value = parseMacros(op === "set" ? raw : raw.slice(1), report);
  if (op !== "set" && value.length === 0) {
    report("seclang.value", `setvar: ${shown(text)} has a sign and no number`);
    return undefined;
  }
  return { ...target, op, value };
}

/** `COLLECTION.key=seconds`, or undefined after a fault. */
export function parseExpireVar(text: ByteString, report: Report): Named<"expirevar"> | undefined {
  const [path, raw] = cutAtEquals(text);
  const target = parsePath(path, report);
  if (target === undefined) return undefined;
  const seconds = parseMacros(raw ?? "", report);
  const [only] = seconds;
  const isNumber = only?.kind !== "text" || (seconds.length === 1 && /^\d{1,10}$/.test(only.text));
  if (seconds.length > 0 && isNumber)
    return { kind: "expirevar", name: "expirevar", ...target, seconds };
  report("seclang.value", `expirevar: ${shown(text)} needs seconds after =`);
  return undefined;
}

/** `COLLECTION=key`, or undefined after a fault. */
export function parseInitCol(text: ByteString, report: Report): Named<"initcol"> | undefined {
  const [written, raw = ""] = cutAtEquals(text);
  const collection = written.toUpperCase();
  const isStored = WRITABLE_COLLECTIONS.has(collection) && collection !== "TX";
  if (!isStored || raw === "") {
    const hint = "IP=%{REMOTE_ADDR}; collections: GLOBAL, IP, RESOURCE, SESSION, USER";
    report("seclang.value", `initcol: ${shown(text)} is no COLLECTION=key`, { hint });
    return undefined;
  }
  return { kind: "initcol", name: "initcol", collection, key: parseMacros(raw, report) };
}

/** `[!]NAME[=value]`, or undefined after a fault. */
export function parseSetEnv(text: ByteString, report: Report): Named<"setenv"> | undefined {
  const [variable, raw = "1"] = cutAtEquals(text);
  if (/^!?[A-Za-z_][\w-]*$/.test(variable))
    return { kind: "setenv", name: "setenv", variable, value: parseMacros(raw, report) };
  report("seclang.value", `setenv: ${shown(variable)} is no name`);
  return undefined;
}

function parsePath(
  path: ByteString,
  report: Report,
): { collection: string; key: readonly MacroPart[] } | undefined {
  const dot = path.indexOf(".");
  const collection = path.slice(0, Math.max(dot, 0)).trim().toUpperCase();
  const key = trimBlanks(path.slice(dot + 1));
  if (WRITABLE_COLLECTIONS.has(collection) && key !== "")
    return { collection, key: parseMacros(key, report) };
  const hint = `COLLECTION.key with ${[...WRITABLE_COLLECTIONS].join(", ")}`;
  report("seclang.value", `${shown(path)} is no variable that a rule may write`, { hint });
  return undefined;
}

/** Cuts at the first `=` that is not inside a macro. */
function cutAtEquals(text: ByteString): [ByteString, ByteString | undefined] {
  // WHY the last brace: searching for one after every `%{` would take quadratic time where none follows.
  const lastBrace = text.lastIndexOf("}");
  let at = 0;
  while (at < text.length && text[at] !== "=") {
    const isMacro = at < lastBrace && text.startsWith("%{", at);
    at = isMacro ? text.indexOf("}", at) + 1 : at + 1;
  }
  return at >= text.length ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
