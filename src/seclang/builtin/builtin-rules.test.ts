/** The shape of the builtin rule set: what every rule must say of itself, and what no pattern may cost. */
import { readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { loadRuleSet } from "../compile/load-rule-set.ts";
import type { Action, Directive } from "../parse/ast.ts";
import { readRuleFiles } from "../parse/include.ts";
import { analysePattern } from "../regex/pattern-facts.ts";
import { builtinRulePaths } from "./builtin-rules.ts";
import { EXAMPLES } from "./examples.test-support.ts";

const paths = builtinRulePaths();
const { directives, faults } = readRuleFiles(paths);

type Rule = Extract<Directive, { kind: "SecRule" | "SecAction" }>;

const rules = directives.filter(
  (directive): directive is Rule => directive.kind === "SecRule" || directive.kind === "SecAction",
);
const textsOf = (actions: readonly Action[], name: string): readonly string[] =>
  actions.flatMap((action) =>
    action.kind === "text" && action.name === name ? [action.text] : [],
  );
const idOf = ({ actions }: Rule): number =>
  actions.flatMap((action) =>
    action.kind === "number" && action.name === "id" ? [action.value] : [],
  )[0] ?? 0;
const hasMessage = ({ actions }: Rule): boolean => textsOf(actions, "msg").length > 0;
const isVerdict = ({ actions }: Rule): boolean =>
  textsOf(actions, "tag").includes("anomaly-evaluation");

const detections = rules.filter((rule) => hasMessage(rule) && !isVerdict(rule));
const patterns = rules.flatMap((rule) =>
  rule.kind === "SecRule" && rule.operator.name === "rx"
    ? [{ id: idOf(rule), source: rule.operator.argument, rule }]
    : [],
);

/** Each is run once over every value: another one is paid for by every request. */
const CHAINS_AT_LEVEL_1 = [
  "",
  "compressWhitespace",
  "urlDecodeUni,urlDecodeUni,htmlEntityDecode",
  "urlDecodeUni,urlDecodeUni,htmlEntityDecode,normalizePathWin",
];

/** Headers, names and identifiers: short values that are there once, where no literal helps. */
const WITHOUT_LITERALS = new Set([9501050, 9501060, 9501080, 9501210, 9501230]);

describe("the builtin rules", () => {
  test("are the files of their folder, each once", () => {
    const names = paths.map((path) => basename(path));
    const inFolder = readdirSync(dirname(paths[0] ?? ""));
    expect(new Set(names).size).toBe(names.length);
    expect(names.toSorted()).toEqual(inFolder.toSorted());
  });

  test("are read and loaded without a fault or a warning", () => {
    expect(faults).toEqual([]);
    expect(loadRuleSet({ sources: [{ kind: "files", paths }] }).warnings).toEqual([]);
  });

  test("have ids of their own range, each once", () => {
    const ids = rules.map(idOf).filter((id) => id !== 0);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) {
      expect(id).toBeGreaterThanOrEqual(9_500_000);
      expect(id).toBeLessThanOrEqual(9_599_999);
    }
  });

  test.each(detections.map((rule) => [idOf(rule), rule] as const))(
    "%i says its class, level, severity and place",
    (_, { actions }) => {
      const tags = textsOf(actions, "tag");
      expect(tags.some((tag) => tag.startsWith("attack-"))).toBe(true);
      expect(tags.filter((tag) => /^paranoia-level\/[12]$/.test(tag))).toHaveLength(1);
      expect(tags).toContain("portcullis-builtin");
      expect(textsOf(actions, "logdata")).toHaveLength(1);
      expect(actions.some(({ name }) => name === "severity")).toBe(true);
      expect(actions.some((action) => action.kind === "flag" && action.name === "pass")).toBe(true);
    },
  );

  test.each(patterns)("$id can be decided in linear time", ({ source }) => {
    expect(analysePattern(source).linear).toBe("exact");
  });

  test.each(
    patterns.filter(({ id, rule }) => id !== 0 && hasMessage(rule) && !WITHOUT_LITERALS.has(id)),
  )("$id has literals or rare bytes to filter by", ({ source }) => {
    const { required, requiredBytes } = analysePattern(source);
    expect(required !== undefined || requiredBytes.length > 0).toBe(true);
  });

  test("transform values in few ways at level 1", () => {
    const chains = new Set(
      detections
        .filter(({ actions }) => textsOf(actions, "tag").includes("paranoia-level/1"))
        .map(({ actions }) =>
          actions
            .flatMap((action) => (action.kind === "transform" ? [action.transformation] : []))
            .filter((name) => name !== "none")
            .join(),
        ),
    );
    expect([...chains].toSorted()).toEqual(CHAINS_AT_LEVEL_1);
  });

  test("each have an example, those on values of fields", () => {
    const known = new Set(EXAMPLES.map(({ id }) => id));
    const onValues = detections.filter(
      (rule) =>
        rule.kind === "SecRule" &&
        rule.variables.some(
          ({ name, count, selector }) => name === "ARGS" && !count && selector === undefined,
        ),
    );
    expect(onValues.map(idOf).filter((id) => !known.has(id))).toEqual([]);
  });
});
