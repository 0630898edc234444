/** The Core Rule Sets 3.3 (Debian's package) and 4, read whole: not one rule of it may be lost. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Variable } from "./ast.ts";
import { checkIds, ruleId } from "./check-ids.ts";
import { readRuleFiles } from "./include.ts";
import { parseSecLang } from "./parse-seclang.ts";

const RULES = "/usr/share/modsecurity-crs/rules";
const SETUP = "/etc/modsecurity/crs";
const isAbsent = !existsSync(RULES) || !existsSync(SETUP);
if (isAbsent) console.warn("SKIPPED: Debian's package modsecurity-crs is not installed");

/** A release of CRS 4: `crs-setup.conf.example` and `rules/`. */
const crs4 = process.env["PORTCULLIS_CRS4"];
if (crs4 === undefined) console.warn("SKIPPED: set PORTCULLIS_CRS4 to a folder of CRS 4");

describe.skipIf(isAbsent)("the Core Rule Set 3.3 of Debian", () => {
  const set = isAbsent
    ? { directives: [], faults: [], files: [] }
    : readRuleFiles([
        `${SETUP}/crs-setup.conf`,
        `${SETUP}/REQUEST-900-*.conf`,
        `${RULES}/*.conf`,
        `${SETUP}/RESPONSE-999-*.conf`,
      ]);
  const rules = set.directives.filter((directive) => directive.kind === "SecRule");

  test("is read without a fault, in its ids, too", () => {
    expect(set.faults).toEqual([]);
    expect(checkIds(set.directives)).toEqual([]);
  });

  test("has the rules, links and markers that were counted by hand", () => {
    expect(set.files.length).toBeGreaterThanOrEqual(34);
    // Floors: a later package may hold more.
    expect(
      set.directives.filter((each) => ruleId(each) !== undefined).length,
    ).toBeGreaterThanOrEqual(630);
    expect(rules.length).toBeGreaterThanOrEqual(780);
    expect(rules.filter(({ isChained }) => isChained).length).toBeGreaterThanOrEqual(160);
    expect(set.directives.filter(({ kind }) => kind === "SecMarker").length).toBeGreaterThanOrEqual(
      40,
    );
  });

  test.each([
    ["rx", 265],
    ["endsWith", 62],
    ["streq", 35],
    ["contains", 18],
    ["lt", 189],
    ["geoLookup", 1],
    ["rbl", 1],
  ])("uses @%s at least %i times", (name, floor) => {
    expect(rules.filter(({ operator }) => operator.name === name).length).toBeGreaterThanOrEqual(
      floor,
    );
  });

  test.each([
    ["ctl", 530],
    ["setvar", 540],
    ["t", 800],
    ["expirevar", 20],
    ["drop", 2],
    ["initcol", 2],
  ])("carries the action %s at least %i times", (name, floor) => {
    const actions = set.directives.flatMap((each) => ("actions" in each ? each.actions : []));
    expect(actions.filter((action) => action.name === name).length).toBeGreaterThanOrEqual(floor);
  });

  test("a file cut off anywhere keeps what stands before the cut", () => {
    const text = readFileSync(`${RULES}/REQUEST-942-APPLICATION-ATTACK-SQLI.conf`, "latin1");
    const outline = (part: string) =>
      parseSecLang({ file: "f", text: part }).directives.map(
        ({ kind, at }) => `${at.line} ${kind}`,
      );
    const whole = outline(text);
    for (let end = 1000; end < text.length; end += 1997) {
      const cut = outline(text.slice(0, end)).slice(0, -1);
      expect(cut).toEqual(whole.slice(0, cut.length));
    }
  });
});

// An operator's own lane, and no skipped test: no package holds these rules.
if (crs4 !== undefined)
  describe("the Core Rule Set 4", () => {
    const set = readRuleFiles([`${crs4}/crs-setup.conf.example`, `${crs4}/rules/*.conf`]);
    const rules = set.directives.filter((directive) => directive.kind === "SecRule");
    const targets = rules.flatMap(({ variables }) => variables).map(spelled);

    test("is read without a fault, in its ids, too", () => {
      expect(set.faults).toEqual([]);
      expect(checkIds(set.directives)).toEqual([]);
      const withId = set.directives.filter((each) => ruleId(each) !== undefined);
      expect(withId.length).toBeGreaterThanOrEqual(629);
    });

    test.each([
      ["TX:key", 255],
      ["ARGS", 189],
      ["ARGS_NAMES", 187],
      ["XML:xpath", 350],
      ["REQUEST_HEADERS", 29],
      ["REQUEST_HEADERS:key", 94],
      ["!REQUEST_HEADERS:key", 26],
      ["&TX:key", 30],
      ["RESPONSE_BODY", 59],
      ["TX:regex", 5],
      ["!ARGS_NAMES:regex", 2],
    ])("looks at %s at least %i times", (name, floor) => {
      expect(targets.filter((target) => target === name).length).toBeGreaterThanOrEqual(floor);
    });
  });

function spelled({ name, count, excluded, selector }: Variable): string {
  const kind = selector === undefined ? "" : `:${selector.kind}`;
  return `${excluded ? "!" : ""}${count ? "&" : ""}${name}${kind}`;
}
