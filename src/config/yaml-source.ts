/**
 * One YAML 1.2 file (core schema) to a tree with positions, refusing what is ambiguous instead of interpreting it. It
 * reports every fault of the file at once and never throws for what is in the text.
 */
import { Composer, isMap, isScalar, isSeq, Parser, type CST, type Node, type Pair } from "yaml";
import type { Finding, Origin } from "./diagnostic.ts";
import { emptyMap, type Entry, type SourceNode } from "./source-node.ts";
import { UNPRINTABLE, type Range, type SourceText } from "./source-text.ts";
import { refuseTokens, type Refusal, type YamlCode } from "./yaml-refusals.ts";

export interface YamlFinding extends Finding {
  readonly code: YamlCode;
}

export interface ParsedYaml {
  /** Undefined when the file has faults. */
  readonly node: SourceNode | undefined;
  readonly findings: readonly YamlFinding[];
}

/** Reads the text of one file. An empty file is an empty mapping. */
export function parseYaml(source: SourceText): ParsedYaml {
  const characters = refuseCharacters(source);
  if (characters.length > 0) return refused(source, characters);
  const tokens: CST.Token[] = Array.from(new Parser().parse(source.text));
  const refusals = refuseTokens(tokens);
  if (refusals.length > 0) return refused(source, refusals);

  // Duplicate keys are ours to find: the library compares each key with every other.
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    merge: false,
    uniqueKeys: false,
    logLevel: "silent",
  });
  const documents = Array.from(composer.compose(tokens));
  const faults = documents.flatMap((document) => [...document.errors, ...document.warnings]);
  if (faults.length > 0) {
    return refused(
      source,
      faults.map(({ message, pos: [start, end] }) => ({
        code: "yaml.syntax",
        message: toSentence(message),
        start,
        end,
      })),
    );
  }
  const builder = new Builder(source);
  const contents = documents[0]?.contents;
  const origin: Origin = { kind: "file", source, start: 0, end: 1 };
  const node = contents && !isEmpty(contents) ? builder.build(contents) : emptyMap(origin);
  if (node.kind !== "map")
    builder.refuse({
      code: "yaml.not_a_mapping",
      message: "the file is not a mapping of keys",
      ...rangeOf(contents),
    });
  return builder.refusals.length > 0 ? refused(source, builder.refusals) : { node, findings: [] };
}

function refused(source: SourceText, refusals: readonly Refusal[]): ParsedYaml {
  const findings = refusals.map(({ code, message, hint, start, end }): YamlFinding => ({
    code,
    origin: { kind: "file", source, start, end: Math.max(end, start + 1) },
    path: [],
    message,
    hint,
  }));
  return { node: undefined, findings };
}

const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE, "g");
const ALLOWED_CONTROLS = new Set(["\t", "\n", "\r"]);
/** Enough to see what kind of file it is; a binary file would otherwise give a message for each byte. */
const CHARACTER_REFUSAL_LIMIT = 10;

function refuseCharacters({ text }: SourceText): Refusal[] {
  const refusals: Refusal[] = [];
  for (const { index, 0: character } of text.matchAll(EVERY_UNPRINTABLE)) {
    if (ALLOWED_CONTROLS.has(character)) continue;
    const codePoint = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    refusals.push({
      code: "yaml.control_character",
      message: `control character U+${codePoint}`,
      start: index,
      end: index + 1,
    });
    if (refusals.length === CHARACTER_REFUSAL_LIMIT) break;
  }
  return refusals;
}

/** A document that holds only comments has an empty scalar at its root. */
function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null && (node.source ?? "") === "";
}

function rangeOf(node: unknown): Range {
  const range = (node as Node | null | undefined)?.range;
  return { start: range?.[0] ?? 0, end: range?.[1] ?? 1 };
}

function toSentence(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

class Builder {
  readonly #source: SourceText;
  readonly refusals: Refusal[] = [];

  constructor(source: SourceText) {
    this.#source = source;
  }

  refuse(refusal: Refusal): void {
    this.refusals.push(refusal);
  }

  build(node: unknown): SourceNode {
    const origin: Origin = { kind: "file", source: this.#source, ...rangeOf(node) };
    if (isMap(node)) return { kind: "map", origin, entries: this.#entries(node.items) };
    if (isSeq(node))
      return { kind: "list", origin, items: node.items.map((item) => this.build(item)) };
    if (isScalar(node))
      return { kind: "scalar", origin, value: this.#scalar(node.value, rangeOf(node)) };
    return { kind: "scalar", origin, value: null };
  }

  #entries(pairs: readonly Pair[]): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    // Of all keys, those that are refused too: 1 and "1" are one key to most readers.
    const starts = new Map<string, number>();
    for (const { key, value } of pairs) {
      const range = rangeOf(key);
      const text = isScalar(key) ? String(key.value) : "";
      const first = isScalar(key) ? starts.get(text) : undefined;
      if (first !== undefined) {
        this.refuse({
          code: "yaml.duplicate_key",
          message: `key "${text}" is written twice`,
          hint: `the first is in line ${this.#source.position(first).line}`,
          ...range,
        });
        continue;
      }
      starts.set(text, range.start);
      if (!this.#takesKey(key, range)) continue;
      const keyOrigin: Origin = { kind: "file", source: this.#source, ...range };
      const node: SourceNode =
        value === null ? { kind: "scalar", origin: keyOrigin, value: null } : this.build(value);
      entries.set(text, { keyOrigin, node });
    }
    return entries;
  }

  #takesKey(key: unknown, range: Range): boolean {
    const before = this.refusals.length;
    if (!isScalar(key) || typeof key.value !== "string")
      this.refuse({ ...KEY_REFUSALS.notText, ...range });
    else if (key.value === "<<") this.refuse({ ...KEY_REFUSALS.merge, ...range });
    else if (key.value === "__proto__") this.refuse({ ...KEY_REFUSALS.proto, ...range });
    else if (key.value !== key.value.normalize("NFC"))
      this.refuse({ ...KEY_REFUSALS.notNfc, ...range });
    else this.#scalar(key.value, range);
    return this.refusals.length === before;
  }

  #scalar(value: unknown, range: Range): string | number | boolean | null {
    if (typeof value === "string") return this.#text(value, range);
    if (typeof value === "number") return this.#number(value, range);
    return typeof value === "boolean" ? value : null;
  }

  /** Escapes such as "\0" make characters that the check of the file's own characters did not see. */
  #text(value: string, range: Range): string {
    const isControl = Array.from(value.matchAll(EVERY_UNPRINTABLE)).some(
      ({ 0: character }) => !ALLOWED_CONTROLS.has(character),
    );
    if (isControl) {
      const message = "an escape that stands for a control character";
      this.refuse({ code: "yaml.control_character", message, ...range });
    }
    if (!value.isWellFormed()) {
      const message = "an escape that stands for half a character";
      const hint = 'write the character itself, or "\\U" and eight digits';
      this.refuse({ code: "yaml.lone_surrogate", message, hint, ...range });
    }
    return value;
  }

  #number(value: number, range: Range): number {
    if (!Number.isFinite(value))
      this.refuse({ code: "yaml.number", message: "not a finite number", ...range });
    else if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      const message = "a number too large to be exact";
      const hint = "put it in quotes if it is text";
      this.refuse({ code: "yaml.number", message, hint, ...range });
    }
    return value;
  }
}

const KEY_REFUSALS = {
  notText: {
    code: "yaml.key_not_text",
    message: "a key that is not text",
    hint: "put the key in quotes",
  },
  merge: {
    code: "yaml.merge_key",
    message: "merge keys are not taken",
    hint: "write the keys themselves",
  },
  // An object with this key would get a new prototype instead of an entry.
  proto: { code: "yaml.proto_key", message: 'the key "__proto__" is not taken' },
  // Two keys that look the same, and are the same to a reader that normalises, would be two here.
  notNfc: {
    code: "yaml.key_not_nfc",
    message: "a key that is not in Unicode's composed form (NFC)",
    hint: "type the key anew, with composed letters",
  },
} as const satisfies Readonly<Record<string, Omit<Refusal, "start" | "end">>>;
