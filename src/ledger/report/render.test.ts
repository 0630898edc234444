import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { words, value, type Block, type Cell } from "./document.ts";
import { gatherReport } from "./gather-report.ts";
import { renderHtml } from "./render-html.ts";
import { renderMarkdown } from "./render-markdown.ts";
import { reportDocument } from "./report-document.ts";
import { decision, SmallLedger } from "./small-ledger.test-support.ts";

const START_MS = Date.UTC(2026, 10, 22, 13);
const HOSTILE = [
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  `</code></td></table><h1>Proven</h1>`,
  `a | b | c`,
  "x\n\n# Proven\n\n| all | well |",
  "`code` **bold** [link](javascript:alert(1)) ![i](http://evil.example/i)",
  "http://evil.example www.evil.example mail@evil.example",
  "&lt;b&gt; &#60;b&#62;",
  "\u202eevorp\u202c\u0000\u001b[31m",
  "<!-- --><style>*{display:none}</style>",
];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-render-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const table = (...cells: Cell[]): Block[] => [{ kind: "table", columns: ["a"], rows: [cells] }];

/** All tags of a page, without what stands between them. */
const tagsOf = (html: string): string[] => html.match(/<[^>]*>/g) ?? [];

async function hostileReport(): Promise<Block[]> {
  const ledger = new SmallLedger(directory, START_MS).open("start");
  for (const text of HOSTILE) {
    ledger
      .line(decision({ caller: text, tenant: text, model: text, version: text, code: text }))
      .line(decision({ caller: text, decision: "deny", stage: text, code: text }))
      .line({ kind: "key", event: text, key_id: text, owner: text, [text]: text })
      .line({ kind: "kill", [text]: text })
      .line({ kind: "recovered", cause: text });
  }
  ledger.close("stop");
  const verification = {
    isProven: false,
    statements: HOSTILE,
    findings: HOSTILE.map((text) => ({ where: text, what: text })),
  };
  return reportDocument(await gatherReport({ directory, verification, nowMs: START_MS }));
}

describe("HTML", () => {
  test("of a hostile ledger has only tags of ours, no script, nothing fetched", async () => {
    const html = renderHtml(await hostileReport());
    const names = new Set(tagsOf(html).map((tag) => /^<\/?([a-z0-9!]+)/i.exec(tag)?.[1]));
    expect([...names].filter((name) => name !== undefined).toSorted()).toEqual(
      [
        "!doctype",
        "body",
        "code",
        "h1",
        "h2",
        "h3",
        "head",
        "html",
        "i",
        "meta",
        "p",
        "style",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "title",
        "tr",
      ].toSorted(),
    );
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html.match(/<style>/g)).toHaveLength(1);
    for (const tag of tagsOf(html)) {
      expect(tag).not.toMatch(/\son[a-z]+\s*=|src=|href=|url\(/i);
      if (!tag.startsWith("<meta"))
        expect(tag).toMatch(/^<[!/a-z0-9 ]+(?: (?:class|style|lang)="[a-z0-9:.% -]+")?>$/i);
    }
    expect(html).toContain("default-src 'none'");
    expect(html.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(html).toContain("[U+202E]evorp");
  });

  test("shows any text as itself", () => {
    const unescape = (text: string) =>
      text
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&quot;", '"')
        .replaceAll("&#39;", "'")
        .replaceAll("&amp;", "&");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii", minLength: 1 }), (text) => {
        const html = renderHtml(table(value(text)));
        const shown = /<tbody>\n<tr><td><code>([^<]*)<\/code><\/td><\/tr>\n<\/tbody>/.exec(
          html,
        )?.[1];
        expect(shown).toBeDefined();
        expect(unescape(shown ?? "")).toBe(text);
        expect(shown).not.toMatch(/["']/);
      }),
    );
  });
});

describe("Markdown", () => {
  test("of a hostile ledger keeps its lines, its cells and its headings", async () => {
    const blocks = await hostileReport();
    const lines = renderMarkdown(blocks).split("\n");
    const headings = blocks.filter(({ kind }) => kind === "heading");
    expect(lines.filter((line) => line.startsWith("#"))).toHaveLength(headings.length);
    let columns = 0;
    for (const [index, line] of lines.entries()) {
      expect(line).not.toMatch(/[<>]/);
      if (!line.startsWith("|")) continue;
      // A pipe that parts cells is one that no backslash stands before.
      const cells = line.match(/(?<!\\)\|/g)?.length ?? 0;
      if (!lines[index - 1]?.startsWith("|")) columns = cells;
      expect(cells, line).toBe(columns);
    }
  });

  test.each([
    ["core-banking", "`core-banking`"],
    ["2026-11-22T13:44:17.123456Z", "`2026-11-22T13:44:17.123456Z`"],
    ["a|b", "a\\|b"],
    ["a`b", "a\\`b"],
    ["a\\", "a\\\\"],
    [" a", " a"],
    ["", ""],
    ["<b>", "&lt;b&gt;"],
    ["x\ny", "x\\[U\\+000A\\]y"],
    ["[a](b)", "\\[a\\]\\(b\\)"],
  ])("writes the value %j as %j", (text, expected) => {
    expect(renderMarkdown(table(value(text)))).toBe(`| a |\n| --- |\n| ${expected} |\n`);
  });

  test("leaves no markup unescaped, whatever the value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const row = renderMarkdown(table(value(text), words(""))).split("\n")[2] ?? "";
        const cell = row.slice(2, -" |  |".length);
        if (/^`[^`]*`$/.test(cell)) return;
        expect(
          cell.replaceAll(/\\[!-/:-@[-`{-~]/g, "").replaceAll(/&(?:amp|lt|gt);/g, ""),
        ).not.toMatch(/[!-/:-@[-`{-~]/);
      }),
    );
  });
});

test("a report reads as follows", async () => {
  new SmallLedger(directory, START_MS)
    .open("start")
    .line(decision({ caller: "core-banking", tenant: "retail", model: "churn", version: "v2" }))
    .line(decision({ caller: "core-banking", tenant: "retail", model: "churn", version: "v2" }))
    .line(decision({ caller: "crm", decision: "deny" }))
    .line({ kind: "key", event: "revoke", key_id: "k1", owner: "crm", at: "2026-11-22T13:00:00Z" })
    .close("stop");
  const report = await gatherReport({ directory, verification: null, nowMs: START_MS });
  const text = renderMarkdown(reportDocument(report));
  for (const part of [
    "# Audit report of a decision ledger\n",
    "| Lines | 6 |",
    "**The ledger was not verified for this report: nothing below is proven.**",
    "3 requests decided.",
    "| caller | count | first line | last line |\n| --- | ---: | ---: | ---: |\n| `core-banking` | 2 | 1 | 2 |\n| `crm` | 1 | 3 | 3 |\n",
    "| `churn` | `v2` | 2 | 1 | 2 |\n| (none) | (none) | 1 | 3 | 3 |",
    "| hour | allow | deny | error | all |\n| --- | ---: | ---: | ---: | --- |\n| `2026-11-22T13` | 2 | 1 | 0 | ████████████████████ |",
    "| `deny` | `authorization` | `authorization.no_grant` | `403` | 1 | 3 | 3 |",
    "| line | time | event | key\\_id | owner | tenant | at |",
    "| 4 | `2026-11-22T13:00:00.000000Z` | `revoke` | `k1` | `crm` |  | `2026-11-22T13:00:00Z` |",
    "## Break-glass uses\n\nNone.",
  ])
    expect(text).toContain(part);
});
