import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { Expression } from "../pack.ts";
import { readPack } from "../read/read-pack.ts";
import { NODE_LIMIT, STEP_LIMIT } from "./diagram.ts";
import { lintPack, type LintFinding } from "./lint.ts";
import { nameOfFinding } from "./lint-finding.ts";
import { OutputLint } from "./lint-outputs.ts";
import { PackProof } from "./pack-proof.ts";
import { packFrom, type PackText } from "./pack-text.test-support.ts";
import { realisticPack } from "./realistic-pack.test-support.ts";

const ANYONE = { "context.req.path": "/", "context.req.method": "GET", "system.panic_mode": false };

const CORPUS = join(
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../../shared/corpora"),
  "constitution",
);
const isHere = existsSync(CORPUS);
if (!isHere) console.warn("SKIPPED: the constitution corpus is not here; set PORTCULLIS_CORPORA");

/** "grave open_allow:allow_x", in the order told. */
const told = (findings: readonly LintFinding[]): string[] =>
  findings.map((finding) => `${finding.severity} ${nameOfFinding(finding)}`);

const lint = (text: PackText): readonly LintFinding[] => lintPack(packFrom(text));

describe("findings", () => {
  const USER = "context.user.id == 'ann'";

  test.each<[string, PackText, string[]]>([
    [
      "nothing of a pack that asks for a proof and denies the rest",
      {
        bits: { P_Cert: "context.mtls.verified == true" },
        outputs: { allow_known: "P_Cert", deny_rest: "NOT(P_Cert)" },
      },
      [],
    ],
    [
      "a public path, which lets in anyone",
      {
        bits: { P_Public: "context.req.path STARTS_WITH '/public/'" },
        outputs: { allow_public: "P_Public" },
      },
      ["grave open_allow:allow_public"],
    ],
    [
      "an anonymous caller is nobody",
      {
        bits: { P_Any: "context.auth.method IN ['jwt', 'anonymous']" },
        outputs: { allow_any: "P_Any" },
      },
      ["grave open_allow:allow_any"],
    ],
    [
      "a method other than anonymous is somebody",
      {
        bits: { P_Any: "context.auth.method != 'anonymous'" },
        outputs: { allow_any: "P_Any" },
      },
      [],
    ],
    [
      "groups of which none is asked for are nobody's",
      {
        bits: { P_Free: "NOT ('banned' IN context.user.groups)" },
        outputs: { allow_free: "P_Free" },
      },
      ["grave open_allow:allow_free"],
    ],
    [
      "a deny before it that keeps out whoever is unknown",
      {
        bits: { P_User: USER, P_Public: "context.req.path STARTS_WITH '/public/'" },
        outputs: { deny_unknown: "NOT(P_User)", allow_public: "P_Public" },
      },
      [],
    ],
    [
      "an empty sequence, which lets in everyone, and the deny behind it",
      {
        bits: { P_User: USER },
        wires: { W_All: "sequence: []" },
        outputs: { allow_all: "W_All", deny_unknown: "NOT(P_User)" },
      },
      [
        "grave open_allow:allow_all",
        "grave unconditional_allow:allow_all",
        "grave dead_output:deny_unknown",
        "notice tautology:W_All",
      ],
    ],
    [
      "an allow that only asks that something is not so",
      {
        bits: { P_User: USER, P_Bad: "context.tenant == 'bad'" },
        outputs: { deny_unknown: "NOT(P_User)", allow_rest: "NOT(P_Bad)" },
      },
      [],
    ],
    [
      "the same without the deny: no bit need be true",
      {
        bits: { P_Bad: "context.user.id == 'bad'" },
        outputs: { allow_rest: "NOT(P_Bad)" },
      },
      ["grave unconditional_allow:allow_rest"],
    ],
    [
      "an allow behind one that takes all its requests",
      {
        bits: { P_User: USER, P_Get: "context.req.method == 'GET'" },
        wires: { W_Get: "sequence: [P_User, P_Get]" },
        outputs: { allow_user: "P_User", allow_get: "W_Get" },
      },
      ["notice dead_output:allow_get"],
    ],
    [
      "a deny behind a deny that takes all its requests: nobody gets in by that",
      {
        bits: { P_User: USER, P_Ann: "context.user.id IN ['ann', 'bob']" },
        outputs: {
          deny_unless_ann: "NOT(P_User)",
          deny_others: "NOT(P_Ann)",
          allow_user: "P_User",
        },
      },
      ["notice dead_output:deny_others"],
    ],
    [
      "a deny that cannot fire at all",
      {
        bits: { P_User: USER, P_Never: "system.panic_mode AND NOT system.panic_mode" },
        outputs: { deny_never: "P_Never", allow_user: "P_User" },
      },
      ["grave dead_output:deny_never", "notice contradiction:P_Never"],
    ],
    [
      "a deny for what can never be true, which fires only where a field is missing",
      {
        bits: {
          P_User: USER,
          P_Old: "context.transport.tls_version < 1.2 AND context.transport.tls_version > 1.3",
        },
        outputs: { deny_old: "P_Old", allow_user: "P_User" },
      },
      ["grave contradiction:P_Old"],
    ],
    [
      "a path that forgets its slash is never so",
      {
        bits: { P_User: USER, P_Admin: "context.req.path STARTS_WITH 'admin/'" },
        wires: { W_Admin: "sequence: [P_User, P_Admin]" },
        outputs: { allow_admin: "W_Admin", allow_user: "P_User" },
      },
      ["notice contradiction:P_Admin", "notice dead_output:allow_admin"],
    ],
    [
      "an allow that lets in what a later deny would refuse",
      {
        bits: { P_User: USER, P_Old: "context.transport.tls_version < 1.2" },
        outputs: { allow_user: "P_User", deny_old: "P_Old" },
      },
      ["notice hidden_deny:deny_old"],
    ],
    [
      "a deny of exactly what no allow took hides nothing",
      {
        bits: { P_User: USER, P_Get: "context.req.method == 'GET'" },
        wires: { W_Get: "sequence: [P_User, P_Get]" },
        outputs: { allow_get: "W_Get", allow_user: "P_User", deny_rest: "NOT(P_User)" },
      },
      [],
    ],
    [
      "two outputs with one trigger, though written differently",
      {
        bits: { P_User: USER, P_Same: "context.user.id IN ['ann']" },
        outputs: { deny_user: "P_User", allow_same: "P_Same" },
      },
      ["notice dead_output:allow_same", "notice same_trigger:allow_same"],
    ],
    [
      "wires and bits that lead nowhere",
      {
        bits: { P_User: USER, P_Lone: "system.panic_mode", P_Inner: "context.rate.ok" },
        wires: { W_Lone: "sequence: [P_User, P_Inner]" },
        outputs: { allow_user: "P_User" },
      },
      ["notice unused_bit:P_Lone", "notice unused_bit:P_Inner", "notice unused_wire:W_Lone"],
    ],
    [
      "break-glass that opens to anyone",
      {
        bits: { P_User: USER, P_Panic: "system.panic_mode" },
        wires: { W_Either: "parallel: { policies: [P_User, P_Panic], aggregator: ANY }" },
        outputs: { allow_either: "W_Either" },
      },
      ["grave open_allow:allow_either"],
    ],
  ])("%s", (_, text, expected) => {
    expect(told(lint(text))).toEqual(expected);
  });

  test("the example is a whole request that shows it", () => {
    const [finding] = lint({
      bits: {
        P_Cert: "context.mtls.verified == true",
        P_Old: "context.transport.tls_version < 1.2",
      },
      outputs: { allow_cert: "P_Cert", deny_old: "P_Old" },
    });
    expect(finding?.example).toEqual({
      context: { ...ANYONE, "context.mtls.verified": true },
      output: "allow_cert",
    });
  });

  test("the time is in the example of a pack that asks for it", () => {
    const [finding] = lint({
      bits: { P_Fresh: "now() < context.legacy_jwt.expires_at" },
      outputs: { allow_fresh: "P_Fresh" },
    });
    expect(finding?.example?.nowSeconds).toBeTypeOf("number");
    expect(finding?.example?.context["context.legacy_jwt.expires_at"]).toBeGreaterThan(
      finding?.example?.nowSeconds ?? Infinity,
    );
  });

  test("an open allow that needs break-glass says so", () => {
    const [finding] = lint({
      bits: { P_Panic: "system.panic_mode" },
      outputs: { allow_panic: "P_Panic" },
    });
    expect(finding?.message).toContain("while system.panic_mode is true");
  });
});

describe("rules that can never be true", () => {
  const path = (...tests: string[]): string =>
    tests.map((each) => each.replace(/^(NOT )?(.*)$/, "$1(context.req.path $2)")).join(" AND ");

  test.each([
    path("== '/a'", "== '/b'"),
    path("== '/a'", "STARTS_WITH '/b'"),
    path("== '/a/x'", "NOT ENDS_WITH 'x'"),
    path("== '/a/x'", "NOT MATCHES '^/[ab]/'"),
    path("IN ['/a', '/b']", "CONTAINS 'c'"),
    path("STARTS_WITH '/a/b'", "NOT STARTS_WITH '/a'"),
    path("STARTS_WITH '/a'", "STARTS_WITH '/b'"),
    path("STARTS_WITH '/ab'", "NOT CONTAINS 'b'"),
    path("ENDS_WITH 'b.x'", "NOT ENDS_WITH '.x'"),
    path("ENDS_WITH '.x'", "ENDS_WITH '.y'"),
    path("ENDS_WITH 'b.x'", "NOT CONTAINS 'b'"),
    path("CONTAINS '/b/c'", "NOT CONTAINS 'b'"),
    "context.req.path == 'admin'",
    "NOT (context.req.path STARTS_WITH '')",
    "NOT (context.req.path CONTAINS '/')",
    "NOT (context.user.id CONTAINS '')",
    "context.user.id != context.user.id",
    "context.transport.tls_version < 1.2 AND context.transport.tls_version > 1.1 AND context.transport.tls_version IN [1.1, 1.2]",
    "now() < context.legacy_jwt.expires_at AND context.legacy_jwt.expires_at <= now()",
    "now() > now()",
    "'ops' IN context.user.groups AND NOT (context.user.groups CONTAINS 'ops')",
    "context.rate.ok AND context.rate.ok == false",
    "context.rate.ok == context.mtls.verified AND context.rate.ok AND NOT context.mtls.verified",
    "context.user.id == context.client_id AND context.client_id != context.user.id",
  ])("%s", (logic) => {
    const findings = lint({ bits: { P_Rule: logic }, outputs: { allow_rule: "P_Rule" } });
    expect(told(findings)).toEqual([
      "notice contradiction:P_Rule",
      "notice dead_output:allow_rule",
    ]);
  });
});

describe("rules that a request can make true", () => {
  test.each([
    "context.req.path STARTS_WITH '/a' AND context.req.path ENDS_WITH '/b' AND context.req.path CONTAINS 'c' AND context.req.path != '/a/c/b'",
    "context.req.path CONTAINS 'ab' AND context.req.path CONTAINS 'ba' AND NOT (context.req.path CONTAINS 'bab')",
    "NOT (context.req.path STARTS_WITH '/a' OR context.req.path STARTS_WITH '/b' OR context.req.path == '/')",
    "NOT (context.req.method IN ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS'])",
    "context.user.id == context.client_id AND context.client_id != 'ann'",
    "context.user.id STARTS_WITH context.tenant AND context.user.id != context.tenant",
    "context.user.id IN context.user.groups AND NOT ('ann' IN context.user.groups)",
    "context.user.groups CONTAINS 'a' AND NOT (context.user.groups CONTAINS 'b')",
    "now() < context.legacy_jwt.expires_at AND context.legacy_jwt.expires_at < 2000000000 AND now() > 1900000000",
    "context.transport.tls_version > 1.2 AND context.transport.tls_version < 1.3",
    "context.legacy_jwt.expires_at == 2000 AND context.transport.tls_version >= 1.3 AND NOT (context.legacy_jwt.expires_at > context.transport.tls_version)",
    "context.transport.tls_version != 1.2 AND context.transport.tls_version != 1.3",
    "'/a/b' STARTS_WITH context.req.path AND context.req.path != '/'",
    "'abc' CONTAINS context.tenant AND context.tenant != 'abc' AND context.tenant != ''",
  ])("%s", (logic) => {
    const findings = lint({
      bits: { P_Rule: logic },
      outputs: { allow_rule: "P_Rule", deny_rule: "P_Rule" },
    });
    expect(findings.map(({ example }) => example?.output)).toContain("allow_rule");
  });
});

describe("examples of patterns", () => {
  test.each([
    ["one pattern", "context.req.path MATCHES '^/v[0-9]+/predict$'", /^\/v\d+\/predict$/],
    ["anywhere in the text", "context.req.path MATCHES 'b{3}[0-4]'", /b{3}[0-4]/],
    [
      "two at once",
      "context.req.path MATCHES '^/[a-z]+/x' AND context.req.path MATCHES 'z-7$'",
      /^\/[a-z]+\/x.*z-7$/,
    ],
    [
      "one and not the other",
      "context.req.path MATCHES '^/[a-c]+$' AND NOT (context.req.path MATCHES '[ab]')",
      /^\/c+$/,
    ],
    [
      "with a beginning and an ending",
      "context.req.path MATCHES '/[0-9]+/' AND context.req.path STARTS_WITH '/a' AND context.req.path ENDS_WITH '.x'",
      /^\/a.*\/\d+\/.*\.x$/,
    ],
  ])("%s", (_, logic, shape) => {
    const [finding] = lint({ bits: { P_Path: logic }, outputs: { allow_path: "P_Path" } });
    expect(finding?.code).toBe("lint.open_allow");
    expect(finding?.example?.context["context.req.path"]).toMatch(shape);
  });

  test("without an example it says so, and is as grave", () => {
    const [finding] = lint({
      bits: {
        P_Path: "context.req.path MATCHES '^/a' AND context.req.path MATCHES '^/b'",
      },
      outputs: { allow_path: "P_Path" },
    });
    expect(finding).toMatchObject({ code: "lint.open_allow", severity: "grave" });
    expect(finding?.example).toBeUndefined();
    expect(finding?.message).toContain("no request could be made");
  });

  test("a path that no request can have is no example", () => {
    const [finding] = lint({
      bits: { P_Path: "context.req.path == '/a//b'" },
      outputs: { allow_path: "P_Path" },
    });
    expect(finding?.example).toBeUndefined();
  });
});

describe("beyond the budget", () => {
  const groups = (count: number, letter: string): string[] =>
    Array.from({ length: count }, (_, at) => `'${letter}${at}' IN context.user.groups`);

  test("pairs whose halves were all named before: grave, and not silent", () => {
    const a = groups(40, "a");
    const b = groups(40, "b");
    const pairs = a.map((one, at) => `(${one} AND ${b[at]})`);
    const findings = lint({
      bits: { P_A: a.join(" OR "), P_B: b.join(" OR "), P_Pairs: pairs.join(" OR ") },
      wires: { W_Each: "sequence: [P_A, P_B, P_Pairs]" },
      outputs: { allow_each: "W_Each" },
    });
    expect(told(findings)).toEqual(["grave not_proven:P_Pairs"]);
  });

  test("more different comparisons than there are variables", () => {
    const findings = lint({
      bits: { P_Many: groups(1_600, "g").join(" OR "), P_More: groups(1_600, "h").join(" OR ") },
      wires: { W_Both: "sequence: [P_Many, P_More]" },
      outputs: { allow_both: "W_Both" },
    });
    expect(findings.map(({ code }) => code)).toEqual(["lint.not_proven"]);
  });

  test("a maze that no output leads to costs nothing", () => {
    const a = groups(40, "a");
    const b = groups(40, "b");
    const pairs = a.map((one, at) => `(${one} AND ${b[at]})`);
    const findings = lint({
      bits: {
        P_User: "context.user.id == 'u'",
        P_Maze: [...a, ...b, ...pairs].join(" OR "),
      },
      outputs: { allow_user: "P_User" },
    });
    expect(told(findings)).toEqual(["notice unused_bit:P_Maze"]);
  });

  test("parity over forty fields is easy", () => {
    const element = (at: number): Expression => ({
      kind: "compare",
      operator: "IN",
      left: { kind: "literal", value: `g${at}` },
      right: { kind: "field", field: "context.user.groups" },
    });
    const not = (of: Expression): Expression => ({ kind: "not", of });
    const either = (a: Expression, b: Expression): Expression => ({
      kind: "or",
      of: [
        { kind: "and", of: [a, not(b)] },
        { kind: "and", of: [not(a), b] },
      ],
    });
    const parity = (from: number, to: number): Expression => {
      if (to - from === 1) return element(from);
      const middle = Math.ceil((from + to) / 2);
      return either(parity(from, middle), parity(middle, to));
    };
    const pack = packFrom({
      bits: { P_Odd: "context.user.groups CONTAINS 'g0'" },
      outputs: { allow_odd: "P_Odd" },
    });
    const [bit] = pack.bits;
    const odd = bit && { ...bit, expression: parity(0, 40) };
    expect(told(lintPack({ ...pack, bits: odd ? [odd] : [] }))).toEqual([]);
  });
});

test.each([100, 500, 1_500])("a pack of %i bits needs a fraction of the budget", (bitCount) => {
  const pack = realisticPack(bitCount);
  const proof = new PackProof(pack);
  const lints = new OutputLint(proof);
  const findings = pack.outputs.flatMap((output, place) => lints.findingsOf(place, output));
  expect(findings.filter(({ severity }) => severity === "grave")).toEqual([]);
  expect(proof.diagrams.stepCount).toBeLessThan(STEP_LIMIT / 5);
  expect(proof.diagrams.nodeCount).toBeLessThan(NODE_LIMIT / 2);
});

describe.runIf(isHere)("the real packs", () => {
  const read = (name: string): readonly LintFinding[] =>
    lintPack(readPack(readFileSync(join(CORPUS, name))));

  test("v1: nothing grave; its break-glass leads nowhere", () => {
    expect(told(read("ubl_core_v1.yaml"))).toEqual([
      "notice unused_bit:P_Circuit_Breaker",
      "notice unused_wire:W_Admin_Access",
      "notice unused_wire:W_Emergency_Override",
    ]);
  });

  test("v3: the empty wire lets every request in, and the last deny can never fire", () => {
    const findings = read("ubl_core_v3.yaml");
    expect(told(findings)).toEqual([
      "grave open_allow:allow_public_warmup",
      "grave unconditional_allow:allow_public_warmup",
      "grave dead_output:deny_invalid_access",
      "notice unused_bit:P_Legacy_JWT",
      "notice unused_bit:P_Circuit_Breaker",
      "notice tautology:W_Public_Warmup",
      "notice unused_wire:W_Emergency_Override",
    ]);
    const example = {
      context: { ...ANYONE, "context.rate.ok": true },
      output: "allow_public_warmup",
    };
    expect(findings.slice(0, 3).map((finding) => finding.example)).toEqual([
      example,
      example,
      example,
    ]);
  });
});
