/**
 * What Portcullis does not take in YAML although YAML has it, found in the token tree before anything is built from it.
 * Each of these lets a file mean something else than it says, or makes a small file expand into a large one.
 */
import type { CST } from "yaml";
import type { Range } from "./source-text.ts";

/**
 * Collections inside collections. The deepest real setting has 8; composing the tree is recursive, so a file with a
 * hundred thousand brackets would otherwise end the process with a stack overflow.
 */
const DEFAULT_DEPTH_LIMIT = 32;

/**
 * What is wrong with a text as YAML, one code for each way.
 *
 * - `yaml.syntax`: not YAML 1.2, in the words of the library
 * - `yaml.number`: infinite, not a number, or too large to be exact
 * - `yaml.lone_surrogate`: an escape that stands for half a character
 * - the others are named for what they refuse
 */
export type YamlCode =
  | "yaml.syntax"
  | "yaml.not_a_mapping"
  | "yaml.too_deep"
  | "yaml.control_character"
  | "yaml.lone_surrogate"
  | "yaml.anchor"
  | "yaml.alias"
  | "yaml.tag"
  | "yaml.merge_key"
  | "yaml.directive"
  | "yaml.complex_key"
  | "yaml.second_document"
  | "yaml.duplicate_key"
  | "yaml.key_not_text"
  | "yaml.key_not_nfc"
  | "yaml.proto_key"
  | "yaml.number";

export interface Refusal extends Range {
  readonly code: YamlCode;
  readonly message: string;
  readonly hint?: string;
}

const REFUSED_TOKENS: Readonly<Record<string, { code: YamlCode; message: string; hint: string }>> =
  {
    anchor: {
      code: "yaml.anchor",
      message: "anchors are not taken",
      hint: "write the value where it is used",
    },
    alias: {
      code: "yaml.alias",
      message: "aliases are not taken",
      hint: 'write the value itself; text that begins with "*" needs quotes',
    },
    tag: {
      code: "yaml.tag",
      message: "tags are not taken",
      hint: 'the schema knows each type; text that begins with "!" needs quotes',
    },
    directive: {
      code: "yaml.directive",
      message: "directives are not taken",
      hint: "the file is read as YAML 1.2",
    },
    "explicit-key-ind": {
      code: "yaml.complex_key",
      message: 'keys written with "?" are not taken',
      hint: 'write "key: value"',
    },
  };

/** Walks the tokens without recursion. Refusals are in no certain order. */
export function refuseTokens(tokens: readonly CST.Token[]): Refusal[] {
  const refusals: Refusal[] = [];
  let documents = 0;
  const open: { token: CST.Token | CST.SourceToken; depth: number }[] = tokens.map((token) => ({
    token,
    depth: 0,
  }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    const refused = REFUSED_TOKENS[token.type];
    if (refused) refusals.push({ ...refused, ...rangeOf(token) });
    if (token.type === "document") documents++;
    const inner = "items" in token ? depth + 1 : depth;
    if (inner > DEFAULT_DEPTH_LIMIT) {
      refusals.push({
        code: "yaml.too_deep",
        message: `nested more than ${DEFAULT_DEPTH_LIMIT} levels deep`,
        ...rangeOf(token),
      });
      continue;
    }
    for (const child of childrenOf(token)) open.push({ token: child, depth: inner });
  }
  if (documents > 1) {
    const [, second] = tokens.filter(({ type }) => type === "document");
    if (second)
      refusals.push({
        code: "yaml.second_document",
        message: "a second document",
        hint: 'one file holds one document: remove "---"',
        ...rangeOf(second),
      });
  }
  return refusals;
}

function* childrenOf(token: CST.Token | CST.SourceToken): Generator<CST.Token | CST.SourceToken> {
  if ("start" in token) yield* Array.isArray(token.start) ? token.start : [token.start];
  if ("props" in token) yield* token.props;
  if ("value" in token && token.value) yield token.value;
  if (!("items" in token)) return;
  for (const item of token.items) {
    yield* item.start;
    if (item.key) yield item.key;
    if (item.sep) yield* item.sep;
    if (item.value) yield item.value;
  }
}

function rangeOf(token: CST.Token | CST.SourceToken): Range {
  const length = "source" in token ? token.source.length : 1;
  return { start: token.offset, end: token.offset + length };
}
