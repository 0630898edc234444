import { describe, expect, test } from "vitest";
import { idsOf, play, type Play } from "./play.test-support.ts";

const JSON_TYPE = "application/json";
const FORM = "application/x-www-form-urlencoded";

interface Row {
  readonly name: string;
  readonly rules: string;
  readonly request?: Play;
  /** Ids of logged rules. */
  readonly ids: readonly number[];
  readonly interruption?: { readonly ruleId: number; readonly status: number };
  readonly scores?: Readonly<Record<string, number>>;
}

const rows: readonly Row[] = [
  {
    name: "a rule matches an argument of the query",
    rules: `SecRule ARGS:q "@streq attack" "id:1,phase:1,pass"`,
    request: { target: "/?q=attack&r=fine" },
    ids: [1],
  },
  {
    name: "a rule denies with its own status, and nothing runs after it",
    rules: `SecRule ARGS "@contains bad" "id:1,phase:1,deny,status:406"
      SecAction "id:2,phase:1,pass,log"`,
    request: { target: "/?q=bad" },
    ids: [1],
    interruption: { ruleId: 1, status: 406 },
  },
  {
    name: "block does what SecDefaultAction says",
    rules: `SecDefaultAction "phase:1,log,deny,status:418"
      SecRule ARGS "@contains bad" "id:1,phase:1,block"`,
    request: { target: "/?q=bad" },
    ids: [1],
    interruption: { ruleId: 1, status: 418 },
  },
  {
    name: "a default's transformation is cleared by t:none",
    rules: `SecDefaultAction "phase:1,log,pass,t:lowercase"
      SecRule ARGS "@streq attack" "id:1,phase:1,pass"
      SecRule ARGS "@streq attack" "id:2,phase:1,pass,t:none"`,
    request: { target: "/?q=ATTACK" },
    ids: [1],
  },
  {
    name: "a chain matches only as a whole, and the head's disruption waits for the end",
    rules: `SecRule ARGS:a "@streq 1" "id:1,phase:1,deny,chain"
        SecRule ARGS:b "@streq 2"
      SecRule ARGS:a "@streq 1" "id:2,phase:1,deny,chain"
        SecRule ARGS:b "@streq 3"`,
    request: { target: "/?a=1&b=3" },
    ids: [2],
    interruption: { ruleId: 2, status: 403 },
  },
  {
    name: "the setvar of a head runs although its chain fails",
    rules: `SecRule ARGS:a "@streq 1" "id:1,phase:1,pass,chain,setvar:tx.seen=1"
        SecRule ARGS:b "@streq 2"
      SecRule TX:seen "@eq 1" "id:2,phase:1,pass"`,
    request: { target: "/?a=1" },
    ids: [2],
  },
  {
    name: "setvar runs for every variable that matches",
    rules: `SecRule ARGS "@contains x" "id:1,phase:1,pass,setvar:tx.score=+5"
      SecRule TX:score "@eq 15" "id:2,phase:1,pass"`,
    request: { target: "/?a=x&b=x&c=x" },
    ids: [1, 2],
    scores: { score: 15 },
  },
  {
    name: "setvar subtracts, unsets and copies by macro",
    rules: `SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=7,setvar:tx.b=%{tx.a},setvar:tx.b=-2,setvar:tx.c=1,setvar:!tx.c"
      SecRule TX:b "@eq 5" "id:2,phase:1,pass"
      SecRule &TX:c "@eq 0" "id:3,phase:1,pass"`,
    ids: [2, 3],
  },
  {
    name: "names made of macros are found by a pattern",
    rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^X-" "id:1,phase:1,pass,nolog,capture,setvar:tx.header_%{MATCHED_VAR}=1"
      SecRule TX:/^header_x-/ "@eq 1" "id:2,phase:1,pass"`,
    request: { headers: [["X-One", "1"]] },
    ids: [2],
  },
  {
    name: "capture fills TX:0 and TX:1, which the next rule reads",
    rules: `SecRule ARGS "@rx user=(\\w+)" "id:1,phase:1,pass,capture,chain"
        SecRule TX:1 "@streq root"`,
    request: { target: "/?q=user%3droot" },
    ids: [1],
  },
  {
    name: "skipAfter jumps to a marker, skip over a number of rules",
    rules: `SecRule ARGS:a "@eq 1" "id:1,phase:1,pass,skipAfter:END"
      SecAction "id:2,phase:1,pass"
      SecMarker END
      SecRule ARGS:a "@eq 1" "id:3,phase:1,pass,skip:1"
      SecAction "id:4,phase:1,pass"
      SecAction "id:5,phase:1,pass"`,
    request: { target: "/?a=1" },
    ids: [1, 3, 5],
  },
  {
    name: "a negated operator matches each value it does not fit, and nothing where there is none",
    rules: `SecRule REQUEST_HEADERS:X-Kind "!@within a b" "id:1,phase:1,pass"
      SecRule REQUEST_HEADERS:X-None "!@streq a" "id:2,phase:1,pass"`,
    request: { headers: [["X-Kind", "c"]] },
    ids: [1],
  },
  {
    name: "counts are values",
    rules: `SecRule &ARGS "@gt 2" "id:1,phase:1,pass"
      SecRule &REQUEST_HEADERS:x-twice "@eq 2" "id:2,phase:1,pass"
      SecRule &ARGS:nothing "@eq 0" "id:3,phase:1,pass"`,
    request: {
      target: "/?a=1&b=2&c=3",
      headers: [
        ["X-Twice", "1"],
        ["x-twice", "2"],
      ],
    },
    ids: [1, 2, 3],
  },
  {
    name: "exclusions take members away, by name and by pattern",
    rules: `SecRule ARGS|!ARGS:ok|!ARGS:/^free/ "@streq x" "id:1,phase:1,pass"`,
    request: { target: "/?ok=x&free1=x" },
    ids: [],
  },
  {
    name: "a selector with a star stands for one step of a JSON path",
    rules: `SecRule ARGS:json.items.*.sku "@streq bad" "id:1,phase:2,pass"
      SecRule ARGS:/^json\\.items\\.\\d+\\.sku$/ "@streq bad" "id:2,phase:2,pass"`,
    request: { contentType: JSON_TYPE, body: '{"items":[{"sku":"ok"},{"sku":"bad"}]}' },
    ids: [1, 2],
  },
  {
    name: "multiMatch sees what a value was on the way",
    rules: `SecRule ARGS "@streq A" "id:1,phase:1,pass,multiMatch,t:none,t:lowercase"
      SecRule ARGS "@streq a" "id:2,phase:1,pass,multiMatch,t:none,t:lowercase"`,
    request: { target: "/?q=A" },
    ids: [1, 2],
  },
  {
    name: "ctl removes rules by id and by tag, and single targets",
    rules: `SecAction "id:1,phase:1,pass,nolog,ctl:ruleRemoveById=10-11,ctl:ruleRemoveByTag=noisy,ctl:ruleRemoveTargetById=13;ARGS:note"
      SecRule ARGS "@contains x" "id:10,phase:1,pass"
      SecRule ARGS "@contains x" "id:11,phase:1,pass"
      SecRule ARGS "@contains x" "id:12,phase:1,pass,tag:'app/noisy'"
      SecRule ARGS "@contains x" "id:13,phase:1,pass"
      SecRule ARGS "@contains x" "id:14,phase:1,pass"`,
    request: { target: "/?note=x" },
    ids: [14],
  },
  {
    name: "ctl:ruleEngine=Off ends inspection",
    rules: `SecRule REQUEST_URI "@beginsWith /health" "id:1,phase:1,pass,nolog,ctl:ruleEngine=Off"
      SecAction "id:2,phase:1,pass"`,
    request: { target: "/health" },
    ids: [],
  },
  {
    name: "updates and removals change rules before them",
    rules: `SecRule ARGS "@contains x" "id:1,phase:1,pass,tag:'t1'"
      SecRule ARGS "@contains x" "id:2,phase:1,pass,tag:'t2'"
      SecRule ARGS "@contains x" "id:3,phase:1,pass,msg:'third'"
      SecRule ARGS "@contains x" "id:4,phase:1,pass"
      SecRuleRemoveById 1
      SecRuleUpdateTargetByTag t2 "!ARGS:a"
      SecRuleRemoveByMsg thir
      SecRuleUpdateActionById 4 "deny,status:429"`,
    request: { target: "/?a=x" },
    ids: [4],
    interruption: { ruleId: 4, status: 429 },
  },
  {
    name: "allow:request ends both phases of the request, not those of the answer",
    rules: `SecAction "id:1,phase:1,allow:request"
      SecAction "id:2,phase:2,pass"
      SecAction "id:3,phase:3,pass"`,
    request: { response: {} },
    ids: [1, 3],
  },
  {
    name: "each of the five phases runs in order",
    rules: `SecAction "id:5,phase:5,pass"
      SecAction "id:4,phase:4,pass"
      SecAction "id:3,phase:3,pass"
      SecAction "id:2,phase:2,pass"
      SecAction "id:1,phase:1,pass"`,
    request: { response: { body: "x" } },
    ids: [1, 2, 3, 4, 5],
  },
  {
    name: "phase 4 reads the answer's body and status",
    rules: `SecRule RESPONSE_BODY "@contains ORA-" "id:1,phase:4,deny,status:502,chain"
        SecRule RESPONSE_STATUS "@streq 200"`,
    request: { response: { body: "error ORA-00933" } },
    ids: [1],
    interruption: { ruleId: 1, status: 502 },
  },
  {
    name: "an answer of a type that is not asked for is not read",
    rules: `SecRule RESPONSE_BODY "@contains secret" "id:1,phase:4,deny"`,
    request: { response: { headers: [["Content-Type", "image/png"]], body: "secret" } },
    ids: [],
  },
  {
    name: "cookies, form fields and file names have collections of their own",
    rules: `SecRule REQUEST_COOKIES:sid "@streq 1" "id:1,phase:1,pass"
      SecRule ARGS_POST:a "@streq b c" "id:2,phase:2,pass"
      SecRule ARGS_NAMES "@streq a" "id:3,phase:2,pass"`,
    request: { headers: [["Cookie", "sid=1; x=2"]], contentType: FORM, body: "a=b+c" },
    ids: [1, 2, 3],
  },
  {
    name: "a link over MATCHED_VARS sees each match once",
    rules: `SecRule ARGS "@contains x" "id:1,phase:1,pass,chain"
        SecRule MATCHED_VARS "@contains x" "setvar:tx.score=+1"`,
    request: { target: "/?a=x&b=xx" },
    ids: [1],
    scores: { score: 2 },
  },
  {
    name: "MATCHED_VARS holds all that the head matched",
    rules: `SecRule ARGS "@contains x" "id:1,phase:1,pass,chain"
        SecRule MATCHED_VARS "@streq xx"`,
    request: { target: "/?a=x&b=xx" },
    ids: [1],
  },
];

describe("the engine", () => {
  test.each(rows)("$name", async ({ rules, request, ids, interruption, scores }) => {
    const report = await play(rules, request);
    expect(idsOf(report)).toEqual(ids);
    if (interruption === undefined) expect(report.interruption).toBeUndefined();
    else expect(report.interruption).toMatchObject(interruption);
    if (scores !== undefined) expect(report.scores).toEqual(scores);
  });

  test.each(rows)("does the same without filter and folding: $name", async (row) => {
    const policy = { ...row.request?.policy, isOptimized: false };
    const report = await play(row.rules, { ...row.request, policy });
    expect(idsOf(report)).toEqual(row.ids);
  });
});

describe("a report", () => {
  test("says where a rule matched, with macros expanded", async () => {
    const report = await play(
      `SecRule ARGS "@rx (bad)\\w" "id:1,phase:2,pass,capture,severity:CRITICAL,msg:'seen %{TX.1}',logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}',tag:'t',setvar:tx.anomaly_score=+5"`,
      { contentType: "application/json", body: '{"a":{"b":"is badly"}}' },
    );
    expect(report.matched).toMatchObject([
      {
        id: 1,
        message: "seen bad",
        data: "ARGS:json.a.b=is badly",
        severity: 2,
        tags: ["t"],
        line: 1,
        hits: [{ target: "ARGS:json.a.b", value: "is badly", start: 11, end: 19 }],
        scores: { anomaly_score: 5 },
      },
    ]);
  });

  test("in detection-only mode says what enforcing would have done", async () => {
    const report = await play(
      `SecRuleEngine DetectionOnly
      SecRule ARGS "@contains x" "id:1,phase:1,deny"
      SecAction "id:2,phase:1,pass"`,
      { target: "/?a=x" },
    );
    expect(report.interruption).toBeUndefined();
    expect(report.wouldInterrupt).toMatchObject({ ruleId: 1, status: 403 });
    expect(idsOf(report)).toEqual([1, 2]);
  });
});

describe("what cannot be inspected", () => {
  test.each([
    ["JSON that breaks off", "application/json", '{"a":'],
    ["XML with a document type", "text/xml", "<!DOCTYPE a><a/>"],
    ["a multipart body without its boundary", "multipart/form-data; boundary=x", "no parts"],
  ])("is refused: %s", async (_, contentType, body) => {
    const report = await play("", { contentType, body });
    expect(report.interruption).toEqual({ action: "deny", status: 400, ruleId: 0 });
    expect(report.fault).toBe("waf.body_unreadable");
  });

  test("is left to rules that ask for REQBODY_ERROR where the policy says so", async () => {
    const rules = `SecRule REQBODY_ERROR "!@eq 0" "id:1,phase:2,deny,status:422"`;
    const policy = { refusesUnreadable: false };
    const report = await play(rules, { contentType: "application/json", body: "{", policy });
    expect(report.interruption).toMatchObject({ ruleId: 1, status: 422 });
  });

  test("is refused when it is larger than allowed, unless a part of it is enough", async () => {
    const body = `{"a":"${"x".repeat(100)}"}`;
    const request = { contentType: "application/json", body };
    const refused = await play("SecRequestBodyLimit 50", request);
    expect(refused.interruption).toMatchObject({ status: 413 });
    expect(refused.fault).toBe("waf.body_too_large");
  });

  test("is refused when the budget is spent, or marked", async () => {
    const rules = Array.from(
      { length: 64 },
      (_, at) => `SecRule ARGS "!@rx (?:ab)+c" "id:${at + 1},phase:2,pass,nolog"`,
    ).join("\n");
    const body = `{"a":"${"ab".repeat(20_000)}"}`;
    const request = { contentType: "application/json", body };
    const denied = await play(rules, { ...request, policy: { budgetMicros: 1 } });
    expect(denied.interruption).toMatchObject({ status: 403, ruleId: 0 });
    const marked = await play(rules, { ...request, policy: { budgetMicros: 1, onBudget: "mark" } });
    expect(marked.interruption).toBeUndefined();
    expect(marked.fault).toBe("waf.budget_exceeded");
  });
});
