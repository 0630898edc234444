/** The answer on its way to the caller, and the edits that stages may ask for. */
import type { Readable } from "node:stream";

/** Flat name, value, name, value; names in lower case. */
export type HeaderList = readonly string[];

export interface GatewayResponse {
  readonly status: number;
  readonly headers: HeaderList;
  /** A buffer is sent in one piece with its length; a stream is passed on as it comes and never held back. */
  readonly body: Buffer | Readable;
}

/**
 * A change to the header section of whatever is answered. `set` replaces all fields of that name;
 * `replace` takes all fields of many names away and adds a prepared list, in one pass.
 */
export type Edit =
  | { readonly kind: "replace"; readonly names: ReadonlySet<string>; readonly fields: HeaderList }
  | { readonly kind: "set"; readonly name: string; readonly value: string }
  | { readonly kind: "append"; readonly name: string; readonly value: string }
  | { readonly kind: "remove"; readonly name: string };

export const setHeader = (name: string, value: string): Edit => ({ kind: "set", name, value });
export const appendHeader = (name: string, value: string): Edit => ({
  kind: "append",
  name,
  value,
});
export const replaceHeaders = (names: ReadonlySet<string>, fields: HeaderList): Edit => ({
  kind: "replace",
  names,
  fields,
});
export const removeHeader = (name: string): Edit => ({ kind: "remove", name });

/** Applies edits to a mutable flat header list, in order. `vary` appends are merged, not repeated. */
export function applyEdits(headers: string[], edits: readonly Edit[]): void {
  for (const edit of edits) applyEdit(headers, edit);
}

function applyEdit(headers: string[], edit: Edit): void {
  if (edit.kind === "replace") return replaceAll(headers, edit.names, edit.fields);
  const at = indexOfHeader(headers, edit.name);
  switch (edit.kind) {
    case "remove":
      if (at >= 0) removeAll(headers, edit.name, at);
      return;
    case "set":
      if (at >= 0) removeAll(headers, edit.name, at);
      headers.push(edit.name, edit.value);
      return;
    case "append":
      if (at < 0 || edit.name !== "vary") headers.push(edit.name, edit.value);
      else headers[at + 1] = mergeTokens(headers[at + 1] ?? "", edit.value);
      return;
  }
}

/** Index of the first field of that name in a flat list, or -1. */
export function indexOfHeader(headers: HeaderList, name: string): number {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return i;
  return -1;
}

/** The first value of a field in a flat list, or undefined. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  const at = indexOfHeader(headers, name);
  return at < 0 ? undefined : headers[at + 1];
}

function removeAll(headers: string[], name: string, from: number): void {
  let kept = from;
  for (let i = from; i < headers.length; i += 2) {
    if (headers[i] === name) continue;
    headers[kept] = headers[i] as string;
    headers[kept + 1] = headers[i + 1] as string;
    kept += 2;
  }
  headers.length = kept;
}

function replaceAll(headers: string[], names: ReadonlySet<string>, fields: HeaderList): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (names.has(name)) continue;
    headers[kept++] = name;
    headers[kept++] = headers[i + 1] as string;
  }
  // Setting a length is slow, and mostly there is nothing to take away.
  if (kept < headers.length) headers.length = kept;
  for (const text of fields) headers.push(text);
}

function mergeTokens(existing: string, added: string): string {
  const has = new Set(existing.split(",").map((token) => token.trim().toLowerCase()));
  return has.has(added.toLowerCase()) || has.has("*") ? existing : `${existing}, ${added}`;
}
