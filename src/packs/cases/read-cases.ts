/** A YAML file of cases to the cases, or to everything that is wrong with it. A case that cannot be read is never left out. */
import type { Origin } from "../../config/diagnostic.ts";
import { nearest } from "../../config/nearest.ts";
import type { Entry, SourceNode } from "../../config/source-node.ts";
import { SourceText } from "../../config/source-text.ts";
import { CaseFindings, parsedOrRefused, type CaseErrorCode } from "./case-findings.ts";
import { instantOf } from "./instant.ts";
import type { Expected, PackCase } from "./pack-case.ts";
import { contextOf } from "./read-context.ts";

/** Throws `CasesRefused` with all that was found. */
export function readCases(name: string, text: string): readonly PackCase[] {
  const source = new SourceText(name, text);
  const findings = new CaseFindings(source);
  const root = parsedOrRefused(source, findings);
  const cases = new CaseReader(source, findings).file(root);
  findings.refuseIfAny();
  return cases;
}

type Scalar = string | number | null;

class CaseReader {
  readonly #source: SourceText;
  readonly #findings: CaseFindings;

  constructor(source: SourceText, findings: CaseFindings) {
    this.#source = source;
    this.#findings = findings;
  }

  file(root: SourceNode): PackCase[] {
    const fields = this.#mapping(root, "the file", ["cases", "now"]);
    const list = this.#required(fields, "cases", root.origin)?.node;
    if (!list) return [];
    if (list.kind !== "list" || list.items.length === 0) {
      this.#add(list.origin, "cases.wrong_type", "cases is a list with at least one case");
      return [];
    }
    const nowSeconds = this.#now(fields);
    return list.items.map((item, at) => this.#case(item, at, nowSeconds));
  }

  #case(node: SourceNode, at: number, defaultNow: number | undefined): PackCase {
    const fields = this.#mapping(node, "a case", ["name", "context", "now", "expect"]);
    const line = this.#lineOf(node.origin);
    const context = this.#required(fields, "context", node.origin);
    const expect = this.#required(fields, "expect", node.origin);
    const name = fields.get("name");
    return {
      name: name ? (this.#text(name.node, "name") ?? "") : `case ${at + 1}`,
      line,
      values: context ? contextOf(context.node, this.#findings) : {},
      nowSeconds: this.#now(fields) ?? defaultNow,
      expected: expect ? this.#expected(expect.node) : { output: "" },
    };
  }

  #expected(node: SourceNode): Expected {
    const names = ["output", "wire", "bit", "effect", "status"];
    const fields = this.#mapping(node, "what is expected", names);
    const output = this.#required(fields, "output", node.origin);
    const scalar = (
      name: string,
      isMeant: (value: unknown) => boolean,
      meant: string,
    ): Scalar | undefined => {
      const found = fields.get(name)?.node;
      if (!found) return undefined;
      if (found.kind === "scalar" && isMeant(found.value)) return found.value as Scalar;
      this.#add(found.origin, "cases.wrong_type", `${name} is ${meant}`);
      return undefined;
    };
    const isId = (value: unknown): boolean => value === null || typeof value === "string";
    const wire = scalar("wire", isId, "an id, or null where none decides");
    const bit = scalar("bit", isId, "an id, or null where none failed");
    const effect = scalar(
      "effect",
      (value) => value === "allow" || value === "deny",
      "allow or deny",
    );
    const status = scalar("status", Number.isSafeInteger, "a status code");
    return {
      output: output ? (this.#text(output.node, "output") ?? "") : "",
      ...(wire !== undefined && { wire: wire as string | null }),
      ...(bit !== undefined && { bit: bit as string | null }),
      ...(effect !== undefined && { effect: effect as string }),
      ...(status !== undefined && { status: status as number }),
    };
  }

  #now(fields: ReadonlyMap<string, Entry>): number | undefined {
    const found = fields.get("now")?.node;
    if (!found) return undefined;
    const seconds = found.kind === "scalar" ? instantOf(String(found.value)) : undefined;
    if (seconds === undefined)
      this.#add(found.origin, "cases.bad_time", "now is a time such as 2026-11-22T10:00:00Z");
    return seconds;
  }

  #mapping(node: SourceNode, what: string, names: readonly string[]): ReadonlyMap<string, Entry> {
    if (node.kind !== "map") {
      this.#add(node.origin, "cases.wrong_type", `${what} is a mapping of ${names.join(", ")}`);
      return new Map();
    }
    for (const [key, { keyOrigin }] of node.entries) {
      if (names.includes(key)) continue;
      const near = nearest(key, names);
      const hint = near === undefined ? `it has ${names.join(", ")}` : `did you mean ${near}?`;
      this.#add(keyOrigin, "cases.unknown_field", `${what} has no field ${key}; ${hint}`);
    }
    return node.entries;
  }

  #required(fields: ReadonlyMap<string, Entry>, name: string, origin: Origin): Entry | undefined {
    const entry = fields.get(name);
    if (!entry) this.#add(origin, "cases.missing_field", `${name} is missing`);
    return entry;
  }

  #text(node: SourceNode, name: string): string | undefined {
    if (node.kind === "scalar" && typeof node.value === "string") return node.value;
    this.#add(node.origin, "cases.wrong_type", `${name} is a text`);
    return undefined;
  }

  #lineOf(origin: Origin): number {
    return origin.kind === "file" ? this.#source.position(origin.start).line : 1;
  }

  #add(origin: Origin, code: CaseErrorCode, message: string): void {
    this.#findings.add(origin, code, message);
  }
}
