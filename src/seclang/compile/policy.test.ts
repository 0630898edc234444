import { describe, expect, test } from "vitest";
import { idsOf, play, playOn } from "../transaction/play.test-support.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import type { RuleExclusion } from "./exclusions.ts";
import type { RuleSet } from "./rule-set.ts";
import { RuleSetRefused } from "./rule-set-refused.ts";

const load = (text: string): RuleSet =>
  loadRuleSet({ sources: [{ kind: "text", file: "rules.conf", text }] });

const LEVELS = `
  SecRule &TX:paranoia_level "@eq 0" "id:1,phase:1,pass,nolog,setvar:tx.paranoia_level=1"
  SecRule TX:paranoia_level "@lt 2" "id:2,phase:2,pass,nolog,skipAfter:END-2"
  SecRule ARGS "@contains two" "id:20,phase:2,pass,tag:'level/2'"
  SecMarker END-2
  SecRule ARGS "@contains one" "id:10,phase:2,pass,tag:'level/1'"`;
const JSON_BODY = { contentType: "application/json", body: '{"a":"one two"}' };

describe("a policy", () => {
  test("leaves out what its settings switch off, and works set-up out beforehand", () => {
    const ruleSet = load(LEVELS);
    expect(ruleSet.policy().activeRules).toEqual([10]);
    expect(ruleSet.policy({ tx: { paranoia_level: "2" } }).activeRules).toEqual([20, 10]);
  });

  test.each([
    ["1", [10]],
    ["2", [20, 10]],
  ])("at level %s finds %j", async (level, ids) => {
    expect(
      idsOf(await play(LEVELS, { ...JSON_BODY, policy: { tx: { Paranoia_Level: level } } })),
    ).toEqual(ids);
  });

  test("keeps a rule that reads what another rule may change", () => {
    const ruleSet = load(`
      SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=1"
      SecRule REQUEST_HEADERS:X-Strict "@eq 1" "id:2,phase:1,pass,nolog,setvar:tx.level=2"
      SecRule TX:level "@lt 2" "id:3,phase:1,pass,nolog,skipAfter:END"
      SecRule ARGS "@contains x" "id:4,phase:1,pass"
      SecMarker END`);
    expect(ruleSet.policy().activeRules).toEqual([2, 3, 4]);
  });

  test("does not work out what a jump may pass over", async () => {
    const rules = `
      SecRule ARGS:a "@eq 1" "id:1,phase:1,pass,nolog,skipAfter:AFTER"
      SecAction "id:2,phase:1,pass,nolog,setvar:tx.set=1"
      SecMarker AFTER
      SecRule TX:set "@eq 1" "id:3,phase:1,pass"`;
    expect(idsOf(await play(rules, { target: "/?a=1" }))).toEqual([]);
    expect(idsOf(await play(rules, { target: "/?a=2" }))).toEqual([3]);
  });

  test.each(["skip:1", "skipAfter:2"])(
    "%s goes as far although the rule passed over is worked out",
    async (jump) => {
      const rules = `
      SecRule ARGS:a "@eq 1" "id:1,phase:1,pass,nolog,${jump}"
      SecRule TX:never "@eq 1" "id:2,phase:1,pass"
      SecRule ARGS "@contains x" "id:3,phase:1,pass"`;
      expect(load(rules).policy().activeRules).toEqual([1, 3]);
      expect(idsOf(await play(rules, { target: "/?a=1&b=x" }))).toEqual([3]);
    },
  );

  test("reads declared fields by their kind", async () => {
    const rules = `
      SecRule ARGS "@contains select" "id:1,phase:2,pass,tag:'attack-sqli'"
      SecRule ARGS "@contains select" "id:2,phase:2,pass,tag:'attack-protocol'"
      SecRule PROMPTS "@contains select" "id:3,phase:2,pass"
      SecRule IDENTIFIERS "!@rx ^\\w+$" "id:4,phase:2,pass"
      SecRule ARGS:json.prompt "@contains select" "id:5,phase:2,pass,tag:'attack-sqli'"
      SecRule &ARGS "@eq 3" "id:6,phase:2,pass"`;
    const kinds = { "json.prompt": "prompt", "json.id": "identifier", "json.n": "number" } as const;
    const body = '{"prompt":"please select one","id":"a b","n":1}';
    const policy = { fieldKind: (name: string) => kinds[name as keyof typeof kinds] };
    const report = await play(rules, { contentType: "application/json", body, policy });
    expect(idsOf(report)).toEqual([2, 3, 4, 5, 6]);
  });

  test("finds attacks in JSON and base64 inside of values, and counts only what was sent", async () => {
    const rules = `SecRule ARGS "@contains attack" "id:1,phase:2,pass,logdata:'%{MATCHED_VAR_NAME}'"
      SecRule &ARGS "@eq 2" "id:2,phase:2,pass"`;
    const hidden = Buffer.from("this is an attack").toString("base64");
    const body = JSON.stringify({ call: '{"cmd":"attack"}', file: hidden });
    const report = await play(rules, { contentType: "application/json", body });
    expect(report.matched[0]?.hits.map(({ target }) => target)).toEqual([
      "ARGS:json.call",
      "ARGS:json.call.json.cmd",
      "ARGS:json.file.base64",
    ]);
    expect(idsOf(report)).toEqual([1, 2]);
  });
});

describe("an exclusion", () => {
  const RULES = `
    SecRule ARGS|REQUEST_HEADERS "@contains zq" "id:100,phase:2,pass,tag:'sql'"
    SecRule ARGS "@contains zq" "id:101,phase:2,pass,tag:'xss'"`;
  const request = { contentType: "application/json", body: '{"items":[{"note":"zq"}]}' };
  const rows: readonly [string, RuleExclusion, readonly number[]][] = [
    ["takes a rule away", { ids: [{ first: 100, last: 100 }] }, [101]],
    ["takes rules of a tag away", { tags: ["xss"] }, [100]],
    [
      "takes a field from all rules of a range",
      { ids: [{ first: 100, last: 199 }], target: "ARGS:json.items.*.note" },
      [],
    ],
    ["takes a field by pattern", { tags: ["sql"], target: "ARGS:/note$/" }, [101]],
    [
      "takes a field in the spelling with array_N",
      { ids: [{ first: 100, last: 199 }], target: "ARGS:json.items.array_0.note" },
      [],
    ],
    [
      "leaves other fields",
      { ids: [{ first: 100, last: 199 }], target: "ARGS:json.other" },
      [100, 101],
    ],
    ["takes a whole collection", { tags: ["sql"], target: "ARGS" }, [101]],
  ];
  test.each(rows)("%s", async (_, exclusion, ids) => {
    expect(idsOf(await play(RULES, { ...request, policy: { exclusions: [exclusion] } }))).toEqual(
      ids,
    );
  });

  test.each<[string, RuleExclusion]>([
    ["no rule of the id", { ids: [{ first: 999, last: 999 }] }],
    ["no rule of the tag", { tags: ["nothing"] }],
    [
      "no rule that reads the target",
      { ids: [{ first: 101, last: 101 }], target: "REQUEST_COOKIES:a" },
    ],
    ["a target that is none", { ids: [{ first: 101, last: 101 }], target: "ARGZ:a" }],
    ["a target that is a count", { ids: [{ first: 101, last: 101 }], target: "&ARGS" }],
  ])("that binds to nothing is refused: %s", (_, exclusion) => {
    expect(() => load(RULES).policy({ exclusions: [exclusion] })).toThrow(RangeError);
  });
});

describe("a rule set is refused", () => {
  test.each([
    ["an unknown variable", 'SecRule ARGZ "@rx a" "id:1,phase:1,pass"', /ARGZ.*ARGS/],
    ["an unknown operator", 'SecRule ARGS "@rxx a" "id:1,phase:1,pass"', /rxx/],
    ["an unknown action", 'SecRule ARGS "@rx a" "id:1,phase:1,pas"', /pas/],
    ["an unknown directive", 'SecRulez ARGS "@rx a" "id:1,phase:1,pass"', /SecRulez/],
    ["a pattern that cannot be read", 'SecRule ARGS "@rx (a" "id:1,phase:1,pass"', /rules.conf:1/],
    [
      "an id used twice",
      'SecAction "id:1,phase:1,pass"\nSecAction "id:1,phase:1,pass"',
      /rules.conf:2.*already used/,
    ],
    ["a jump to nowhere", 'SecAction "id:1,phase:1,pass,skipAfter:NOWHERE"', /NOWHERE/],
    ["a jump backwards", 'SecMarker A\nSecAction "id:1,phase:1,pass,skipAfter:A"', /A/],
    [
      "an XPath that is not supported",
      'SecRule XML:/a/b "@rx a" "id:1,phase:2,pass"',
      /XML:\/a\/b/,
    ],
    [
      "a file that is not there",
      'SecRule ARGS "@pmFromFile none.data" "id:1,phase:2,pass"',
      /none.data/,
    ],
    [
      "a ctl pattern that cannot be read",
      'SecAction "id:1,phase:1,pass,ctl:ruleRemoveByTag=(a"',
      /pattern/,
    ],
  ])("for %s", (_, text, message) => {
    expect(() => load(text)).toThrow(RuleSetRefused);
    expect(() => load(text)).toThrow(message);
  });

  test("with all its faults at once", () => {
    const text =
      'SecRule ARGS "@rx (" "id:1,phase:1,pass"\nSecRule XML:/x "@rx a" "id:2,phase:1,pass"';
    try {
      load(text);
      expect.unreachable();
    } catch (error) {
      expect((error as RuleSetRefused).faults.map(({ line }) => line)).toEqual([1, 2]);
    }
  });

  test("but only warned of for an update that binds to nothing", () => {
    expect(load("SecRuleRemoveById 7").warnings).toEqual([
      "rules.conf:1: SecRuleRemoveById names no rule before it",
    ]);
  });
});

describe("stored collections", () => {
  test("live from one transaction to the next, by key, until they expire", async () => {
    const policy = load(`
      SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REQUEST_HEADERS.X-From}"
      SecAction "id:2,phase:1,pass,nolog,setvar:ip.count=+1,expirevar:ip.count=60"
      SecRule IP:count "@gt 1" "id:3,phase:1,pass"`).policy();
    const from = (name: string) =>
      playOn(policy.transaction(), { headers: [["X-From", name]] }).then(idsOf);
    expect(await from("a")).toEqual([]);
    expect(await from("b")).toEqual([]);
    expect(await from("a")).toEqual([3]);
  });
});
