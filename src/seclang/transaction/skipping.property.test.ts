/** Rules that surely match nothing are never looked at: whatever skips, removals and endings a rule set has, the report is that of every rule run. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { loadRuleSet } from "../compile/load-rule-set.ts";
import type { RuleSet } from "../compile/rule-set.ts";

const LETTERS = ["a", "b", "c"] as const;
/** Six of them are inspected in slices. */
const FILLER = "lorem ".repeat(2_000);
const LIMIT_RULES = 14;

const letter = fc.constantFrom(...LETTERS);
const index = fc.nat({ max: LIMIT_RULES - 1 });

/** Conditions that the filter answers, that are asked beforehand, and that must always be run. */
const condition = fc.oneof(
  letter.map((one) => `SecRule ARGS "@contains ${one}"`),
  letter.map((one) => `SecRule ARGS|REQUEST_HEADERS "@rx ${one}.?${one}"`),
  letter.map((one) => `SecRule RESPONSE_BODY "@contains ${one}"`),
  letter.map((one) => `SecRule ARGS "!@contains ${one}"`),
  letter.map((one) => `SecRule REQUEST_HEADERS:X-Letters "!@contains ${one}"`),
  letter.map((one) => `SecRule TX:/^seen_/ "@contains ${one}"`),
  fc.nat({ max: 3 }).map((count) => `SecRule &ARGS "@ge ${count}"`),
  fc.constant(`SecRule TX:sum_score "@ge 2"`),
  fc.constant(`SecRule REQUEST_METHOD "@unconditionalMatch"`),
);

const action = fc.oneof(
  fc.constant(""),
  fc.constant(",setvar:tx.sum_score=+1"),
  fc.constant(",capture,setvar:'tx.seen_%{MATCHED_VAR}=%{TX.0}'"),
  fc.constant(",t:lowercase,t:trim,multiMatch"),
  letter.map((one) => `,skipAfter:END-${one}`),
  fc.nat({ max: 3 }).map((count) => `,skip:${count + 1}`),
  index.map((at) => `,ctl:ruleRemoveById=${at + 1}`),
  index.map((at) => `,ctl:ruleRemoveTargetById=${at + 1};ARGS`),
  letter.map((one) => `,chain"\n  SecRule ARGS_NAMES "@contains ${one}" "setvar:tx.chain_score=+1`),
);

const verdict = fc.constantFrom(
  "pass",
  "pass",
  "pass",
  "pass",
  "deny",
  "allow:phase",
  "allow:request",
);

const rule = fc.record({ phase: fc.integer({ min: 1, max: 5 }), condition, action, verdict });

const markers = LETTERS.map((one) => `SecMarker END-${one}`);

const ruleText = fc.array(rule, { minLength: 4, maxLength: LIMIT_RULES }).map((rules) => {
  const lines = rules.map((one, at) => {
    const base = `"id:${at + 1},phase:${one.phase},${one.verdict},log`;
    return `${one.condition} ${base}${one.action}"\n${at % 5 === 4 ? markers[at % 3] : ""}`;
  });
  for (let at = lines.length; at < LIMIT_RULES; at++) lines.push(spare(at));
  return [...lines, ...markers].join("\n");
});

/** So that every removal names a rule. */
const spare = (at: number): string =>
  `SecRule ARGS "@contains zzz" "id:${at + 1},phase:2,pass,log"`;

const text = fc.string({ unit: fc.constantFrom(...LETTERS, "A", " ", "x"), maxLength: 6 });

const message = fc.record({
  query: fc.dictionary(text, text, { maxKeys: 3 }),
  letters: text,
  fields: fc.array(text, { maxLength: 4 }),
  answer: text,
  isLarge: fc.boolean(),
});

type Message = typeof message extends fc.Arbitrary<infer One> ? One : never;

async function reportOf(set: RuleSet, isOptimized: boolean, sent: Message): Promise<object> {
  const policy = { isOptimized, budgetMicros: 60_000_000, expandsEmbedded: false };
  const transaction = set.policy(policy).transaction();
  transaction.requestHead({
    method: "POST",
    target: `/?${new URLSearchParams(sent.query).toString()}`,
    protocol: "HTTP/1.1",
    headers: [
      ["Host", "models.example"],
      ["X-Letters", sent.letters],
      ["Content-Type", "application/json"],
    ],
  });
  const fillers = Array.from({ length: sent.isLarge ? 6 : 0 }, () => FILLER);
  const fields = [...sent.fields, ...fillers];
  await transaction.requestBody(Buffer.from(JSON.stringify(fields)));
  const headers = [["Content-Type", "text/plain"]] as const;
  transaction.responseHead({ status: 200, protocol: "HTTP/1.1", headers });
  await transaction.responseBody(Buffer.from(sent.answer));
  return { ...transaction.end(), micros: 0 };
}

test("skipping what surely matches nothing changes no report", async () => {
  await fc.assert(
    fc.asyncProperty(
      ruleText,
      fc.array(message, { minLength: 1, maxLength: 4 }),
      async (rules, sent) => {
        const file = `SecRuleEngine On\nSecResponseBodyAccess On\n${rules}`;
        const set = loadRuleSet({ sources: [{ kind: "text", file: "test.conf", text: file }] });
        for (const one of sent)
          expect(await reportOf(set, true, one)).toEqual(await reportOf(set, false, one));
      },
    ),
    { numRuns: 150 },
  );
});
