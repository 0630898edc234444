/** Takes values out of the requests of test files, crudely: enough to compare engines with, no reader of YAML; only for tests. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The tests of the Core Rule Set 3.3. */
const folder: string = resolve(
  process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora",
  "crs-ftw-v3.3",
);
export const hasFtwValues: boolean = existsSync(folder);

/** A key of an input and what stands behind it, or a line of a body. */
const SCALAR = /^\s+(?:- )?(?:[\w-]+: +)?(?:"(.*)"|'(.*)'|(.+))$/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0" };

/** Whole scalars and, of what looks like an address or a form, the decoded pieces; each once, as byte strings. */
export function ftwValues(limitBytes: number): string[] {
  const values = new Set<string>();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".yaml"))) {
    for (const line of readFileSync(join(folder, file), "latin1").split("\n")) {
      for (const value of valuesOf(line)) if (value.length <= limitBytes) values.add(value);
    }
  }
  return [...values];
}

function valuesOf(line: string): string[] {
  const [, double, single, plain] = SCALAR.exec(line) ?? [];
  const text = double?.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
  const scalar = text ?? single?.replaceAll("''", "'") ?? plain;
  if (scalar === undefined) return [];
  const pieces = scalar.split(/[?&=]/).filter((piece) => piece !== "" && piece !== scalar);
  return [scalar, decoded(scalar), ...pieces.map(decoded)];
}

function decoded(text: string): string {
  return text
    .replaceAll("+", " ")
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}
