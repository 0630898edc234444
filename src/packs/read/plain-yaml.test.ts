/** The quick reader must say what the library says, or nothing. */
import { describe, expect, test } from "vitest";
import { SourceText } from "../../config/source-text.ts";
import type { SourceNode } from "../../config/source-node.ts";
import { parseYaml } from "../../config/yaml-source.ts";
import { randomOf, type Random } from "../evaluate/random-pack.test-support.ts";
import { readPlainYaml } from "./plain-yaml.ts";

/** Values, keys and places. Of what has parts only the beginning counts: nothing points at its end. */
function written(node: SourceNode): unknown {
  const { origin } = node;
  const [start, end] = origin.kind === "file" ? [origin.start, origin.end] : [];
  if (node.kind === "scalar") return [node.value, start, end];
  if (node.kind === "list") return ["list", start, node.items.map(written)];
  const entries = Array.from(node.entries, ([key, { keyOrigin, node: value }]) => {
    const at = keyOrigin.kind === "file" ? [keyOrigin.start, keyOrigin.end] : [];
    return [key, at, written(value)];
  });
  return ["map", start, entries];
}

/** Whether the quick reader took it. */
function compare(text: string): boolean {
  const source = new SourceText("x", text);
  const quick = readPlainYaml(source);
  if (!quick) return false;
  const { node, findings } = parseYaml(source);
  expect(findings, text).toEqual([]);
  expect(written(quick), text).toEqual(node && written(node));
  return true;
}

const PACK = `# A pack.
version: "tdln-chip/0.3"

meta:
  intent: 'It''s "plain"'   # mostly
  owners: ["a", 'b' , c_1 ]
  since: 2026
  from: 2026-11-01T00:00:00Z
  path: /a:b#c
  note: caf\u00e9 \u{1f600} - x, y & z
policies:
  - id: P_1
    # between
    logic: "context.tenant == 'a' AND context.origin != \\"b\\\\c\\""
  -   id: P_2
      logic: context.rate.ok
wiring:
- id: W_1
  structure:
    parallel:
      policies:
      - P_1
      - "P_2"
      aggregator: ANY
outputs:
  - allow_it:
      trigger: NOT(P_1)
      action: "HTTP 200 + x"
`;

describe("the plain part", () => {
  test.each([
    ["a pack", PACK],
    ["a pack without a newline at its end", PACK.trimEnd()],
    ["spaces at the ends of lines", PACK.replaceAll("\n", "  \n").replace("ANY  ", "ANY")],
    ["comments in odd places", PACK.replaceAll("\n", " # x\n        # y\n")],
    ["one line", "a: b"],
    ["an empty list", "a: []"],
    ["a list with spaces", "a: [  ]"],
  ])("takes %s", (_, text) => {
    expect(compare(text)).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["a comment", "# a"],
    ["a list at the top", "- a: b"],
    ["a list at the top with nothing", "-"],
    ["indentation at the top", "  a: b"],
    ["a tab", "a:\tb"],
    ["a carriage return", "a: b\r\n"],
    ["a byte order mark", "\ufeffa: b"],
    ["a document mark", "---\na: b"],
    ["an end mark", "a: b\n..."],
    ["a directive", "%YAML 1.2\n---\na: b"],
    ["nothing behind a key", "a:"],
    ["null", "a: null"],
    ["Null in a list", "a: [Null]"],
    ["a tilde", "a: ~"],
    ["true", "a: true"],
    ["TRUE in a list", "a: [TRUE]"],
    ["a key that is true", "true: a"],
    ["a key with a hyphen", "a-b: c"],
    ["a key in quotes", '"a": b'],
    ["__proto__", "__proto__: a"],
    ["a key twice", "a: b\na: c"],
    ["a key without a space", "a:b"],
    ["a leading zero", "a: 010"],
    ["a fraction", "a: 1.10"],
    ["a negative number", "a: -1"],
    ["a number in hexadecimal", "a: 0x1f"],
    ["a number in octal", "a: 0o17"],
    ["a number with an exponent", "a: 1e3"],
    ["a number too large", "a: 9007199254740993"],
    ["infinity", "a: .inf"],
    ["a number in a list", "a: [1]"],
    ["a list in a list", "a: [[b]]"],
    ["a mapping in braces", "a: {b: c}"],
    ["a pair in a list", "a: [b: c]"],
    ["a comma at a list's end", "a: [b,]"],
    ["a list over two lines", "a: [b,\n  c]"],
    ["words in a list", "a: [b c]"],
    ["an escape", 'a: "\\u0041"'],
    ["an escaped line", 'a: "b\\\n  c"'],
    ["quotes over two lines", 'a: "b\n  c"'],
    ["a text over two lines", "a: b\n  c"],
    ["a text over two lines with a comment between", "a: b\n  # c\n  d"],
    ["something behind a quote", 'a: "b" c'],
    ["a comment without a space", 'a: "b"#c'],
    ["something behind a list", "a: [b] c"],
    ["a colon in a text", "a: b: c"],
    ["a colon at a text's end", "a: b:"],
    ["an anchor", "a: &b c"],
    ["an alias", "a: *b"],
    ["a tag", "a: !b c"],
    ["a block", "a: |\n  b"],
    ["a folded block", "a: >\n  b"],
    ["a complex key", "? a\n: b"],
    ["a merge key", "<<: a"],
    ["a percent sign", "a: %b"],
    ["an at sign", "a: @b"],
    ["a list of lists", "a:\n- - b"],
    ["an empty item", "a:\n-\n- b"],
    ["a key indented more", "a: b\n  c: d"],
    ["a key indented less", "a:\n    b: c\n  d: e"],
    ["an item indented more", "a:\n- b\n  - c"],
    ["an item at the level of keys", "a: b\n- c"],
    ["17 levels", Array.from({ length: 17 }, (_, level) => `${" ".repeat(level)}a:`).join("\n")],
  ])("leaves %s to the library", (_, text) => {
    expect(compare(text)).toBe(false);
  });
});

const PIECES = [
  ..."a b: c: - [ ] , ' \" # \\ & * ! | > { } ? % @ ~ null true 1 010 1.5 .inf 2026-11-01T00:00:00Z a: --- ... /x x:y".split(
    " ",
  ),
  " ",
  "  ",
  "\n",
  "\n  ",
  "\n    ",
  "\n- ",
  "\n  - ",
  ": ",
  ", ",
  " #",
  "''",
  '\\"',
  "\t",
  "\r\n",
  "\u00e9",
  "\u00a0",
  "\u{1f600}",
  "\u2028",
];

function mutated(text: string, random: Random): string {
  let result = text;
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(result.length + 1);
    const piece = PIECES[random(PIECES.length)] as string;
    switch (random(4)) {
      case 0:
        result = result.slice(0, at) + piece + result.slice(at);
        break;
      case 1:
        result = result.slice(0, at) + result.slice(at + 1 + random(4));
        break;
      case 2:
        result = result.slice(0, at) + piece + result.slice(at + 1 + random(4));
        break;
      default: {
        // A line moved in or out, or taken away.
        const lines = result.split("\n");
        const line = random(lines.length);
        lines[line] = [
          ` ${lines[line]}`,
          `  ${lines[line]}`,
          lines[line]?.replace(/^ {1,2}/, "") ?? "",
          "",
        ][random(4)] as string;
        result = lines.join("\n");
      }
    }
  }
  return result;
}

test("says what the library says of packs with anything changed", { timeout: 300_000 }, () => {
  let taken = 0;
  for (let seed = 1; seed <= 6_000; seed++) if (compare(mutated(PACK, randomOf(seed)))) taken++;
  // Neither all nor nothing: the comparison is about something.
  expect(taken).toBeGreaterThan(500);
  expect(taken).toBeLessThan(5_500);
});

test("says what the library says of texts put together at random", { timeout: 300_000 }, () => {
  let taken = 0;
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = randomOf(seed);
    const parts = Array.from(
      { length: 1 + random(9) },
      () => PIECES[random(PIECES.length)] as string,
    );
    if (compare(`a: ${parts.join("")}`)) taken++;
  }
  expect(taken).toBeGreaterThan(500);
});
