import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { renderDiagnostics, toDiagnostics } from "./diagnostic.ts";
import { nodeOf, valueOf } from "./source-node.ts";
import { SourceText, UNPRINTABLE } from "./source-text.ts";
import { parseYaml } from "./yaml-source.ts";

const fragment = fc.constantFrom(
  ..."a b key: - [ ] { } , : & * ! | > ' \" # % @ ? << ~ 0x1f 1e5 .inf null true \\u0000 \\0".split(
    " ",
  ),
  "\n",
  "\n  ",
  "\n    ",
  "\t",
  " ",
  "---\n",
  "...\n",
  "&a ",
  "*a",
  "!!str ",
  "\u0000",
  "\u202e",
  "\u{1f600}",
  "\r\n",
);

test("whatever the text, the answer is a tree or faults inside the text", () => {
  const text = fc.oneof(
    fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const source = new SourceText("x.yaml", candidate);
      const { node, findings } = parseYaml(source);
      expect(node === undefined).toBe(findings.length > 0);
      for (const { line = 0, column = 0, excerpt } of toDiagnostics(findings)) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(candidate.split(/\r\n|\n|\r/).length);
        expect(excerpt?.caretAt).toBeLessThanOrEqual(excerpt?.text.length ?? -1);
      }
      const rendered = renderDiagnostics(toDiagnostics(findings));
      expect(UNPRINTABLE.exec(rendered.replaceAll("\n", ""))).toBeNull();
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ["an anchor", "a: &b c", "yaml.anchor"],
  ["two documents", "a: b\n---\nc: d", "yaml.second_document"],
  ["a mistake", "a: [b", "yaml.syntax"],
  ["a list", "- a", "yaml.not_a_mapping"],
  ["a key twice", "a: b\na: c", "yaml.duplicate_key"],
  ["a number that repeats a text", '"1": b\n1: c', "yaml.duplicate_key"],
  ["a key that is a number", "1: b", "yaml.key_not_text"],
  ["a key in decomposed form", "e\u0301: b", "yaml.key_not_nfc"],
  ["half a character", '"a": "\\ud800"', "yaml.lone_surrogate"],
])("says by its code what is wrong: %s", (_, text, code) => {
  const { findings } = parseYaml(new SourceText("x.yaml", text));
  expect(findings.map((finding) => finding.code)).toEqual([code]);
});

test("what is taken means what the YAML library says it means", () => {
  const scalar = fc.oneof(
    fc.boolean(),
    fc.integer(),
    fc.constant(null),
    fc.stringMatching(/^[ -~]{0,12}$/),
  );
  const key = fc.stringMatching(/^[a-z ]{1,8}$/);
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const root = fc.dictionary(key, tree, { maxKeys: 5, noNullPrototype: true });
  fc.assert(
    fc.property(root, (data) => {
      const text = JSON.stringify(data, undefined, 1);
      const { node, findings } = parseYaml(new SourceText("x.yaml", text));
      expect(findings).toEqual([]);
      expect(node && valueOf(node)).toEqual(parse(text));
      expect(valueOf(nodeOf(data, { kind: "default" }))).toEqual(data);
    }),
  );
});
