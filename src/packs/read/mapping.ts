/** Reads the keys of one mapping against the list of those it may have. What is not in the list is refused, not skipped. */
import type { Origin } from "../../config/diagnostic.ts";
import { nearest } from "../../config/nearest.ts";
import type { Entry, SourceNode } from "../../config/source-node.ts";
import { quoted } from "../language/quoted.ts";
import type { Findings } from "./findings.ts";

export interface FieldsOf<Name extends string> {
  /** In words, for messages: "a bit". */
  readonly what: string;
  readonly required: readonly Name[];
  readonly optional?: readonly Name[];
}

export class Mapping<Name extends string> {
  readonly origin: Origin;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #findings: Findings;

  private constructor(node: SourceNode & { kind: "map" }, findings: Findings) {
    this.origin = node.origin;
    this.#entries = node.entries;
    this.#findings = findings;
  }

  /** Undefined when the node is no mapping, which is then found. Missing and unknown fields are found as well. */
  static of<Name extends string>(
    node: SourceNode,
    { what, required, optional = [] }: FieldsOf<Name>,
    findings: Findings,
  ): Mapping<Name> | undefined {
    if (node.kind !== "map") {
      findings.add(node.origin, {
        code: "pack.wrong_type",
        message: `${describe(node)} where ${what} is meant`,
        hint: `${what} is a mapping of ${[...required, ...optional].join(", ")}`,
      });
      return undefined;
    }
    const known: readonly string[] = [...required, ...optional];
    for (const [key, { keyOrigin }] of node.entries) {
      if (known.includes(key) || findings.isFull) continue;
      const near = nearest(key, known);
      findings.add(keyOrigin, {
        code: "pack.unknown_field",
        message: `${what} has no field ${quoted(key)}`,
        hint: near === undefined ? `it has ${known.join(", ")}` : `did you mean ${near}?`,
      });
    }
    for (const name of required) {
      if (node.entries.has(name)) continue;
      const message = `${what} has no ${name}`;
      findings.add(node.origin, { code: "pack.missing_field", message });
    }
    return new Mapping<Name>(node, findings);
  }

  node(name: Name): SourceNode | undefined {
    return this.#entries.get(name)?.node;
  }

  /** The text under a name; undefined when there is none, which is found when something else stands there. */
  text(name: Name): PlacedText | undefined {
    const node = this.node(name);
    return node && textOf(node, `the ${name}`, this.#findings);
  }

  /** The items under a name; none when there is no list, which is found when something else stands there. */
  items(name: Name): readonly SourceNode[] {
    const node = this.node(name);
    return node ? itemsOf(node, `the list of ${name}`, this.#findings) : [];
  }
}

export interface PlacedText {
  readonly text: string;
  readonly origin: Origin;
}

export function textOf(node: SourceNode, what: string, findings: Findings): PlacedText | undefined {
  if (node.kind === "scalar" && typeof node.value === "string")
    return { text: node.value, origin: node.origin };
  findings.add(node.origin, {
    code: "pack.wrong_type",
    message: `${describe(node)} where ${what} is meant`,
    hint: node.kind === "scalar" && node.value !== null ? "put it in quotes" : undefined,
  });
  return undefined;
}

export function itemsOf(node: SourceNode, what: string, findings: Findings): readonly SourceNode[] {
  if (node.kind === "list") return node.items;
  const message = `${describe(node)} where ${what} is meant`;
  const hint = "for an empty list write []";
  findings.add(node.origin, { code: "pack.wrong_type", message, hint });
  return [];
}

function describe(node: SourceNode): string {
  if (node.kind === "map") return "a mapping";
  if (node.kind === "list") return "a list";
  if (node.value === null) return "nothing";
  if (typeof node.value === "string") return `the text ${quoted(node.value)}`;
  return `${typeof node.value === "number" ? "the number" : "the value"} ${node.value}`;
}
