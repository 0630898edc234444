import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RequestHead } from "../collections/message.ts";
import type { EngineFault, Interruption, MatchedRule } from "../transaction/report.ts";
import { runFtw, type FtwEngine } from "./run-ftw.ts";

function rule(id: number, more: Partial<MatchedRule> = {}): MatchedRule {
  return {
    id,
    phase: 2,
    message: "Found",
    data: "",
    severity: 2,
    tags: [],
    file: "a.conf",
    line: 1,
    hits: [],
    isLogged: true,
    isDisruptive: false,
    scores: {},
    ...more,
  };
}

/** Matches what the request asks for: `/match/100/101`; `/deny` interrupts, `/throw` is a fault of the engine, at `/long` it gives up. */
const engine: FtwEngine = {
  transaction: () => {
    const matched: MatchedRule[] = [];
    let interruption: Interruption | undefined;
    let fault: EngineFault | undefined;
    const look = ({ target }: RequestHead) => {
      if (target === "/throw") throw new Error("out of order");
      if (target === "/long") fault = "waf.value_too_long";
      if (target === "/deny") interruption = { action: "deny", status: 403, ruleId: 1 };
      for (const [id] of target.matchAll(/\d+/g)) {
        const hits = [{ target: "ARGS:a", value: "", start: -1, end: -1 }];
        matched.push(rule(Number(id), { hits, data: 'a "b"\x80' }));
      }
      matched.push(rule(900, { isLogged: false }));
      return interruption;
    };
    return {
      requestHead: look,
      requestBody: async () => undefined,
      responseHead: () => undefined,
      responseBody: (body) => {
        if (body.length > 0) matched.push(rule(950));
        return undefined;
      },
      end: () => ({
        interruption,
        wouldInterrupt: undefined,
        fault,
        matched,
        scores: {},
        micros: 0,
      }),
    };
  },
};

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ftw-run-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function run(stages: string) {
  const text = `meta: {enabled: true}\nrule_id: 1\ntests:\n  - test_id: 1\n    stages:\n      - ${stages}\n`;
  writeFileSync(join(directory, "a.yaml"), text);
  return runFtw({ directory, engine });
}

/** A stage in YAML's flow form. */
function stage(uri: string, output: string, more = ""): string {
  return `{input: {uri: "${uri}", headers: {Host: a}${more}}, output: {${output}}}`;
}

describe("a test passes when all it expects holds", () => {
  test.each([
    ["rules that logged", stage("/match/100/101", "log: {expect_ids: [101, 100]}")],
    ["rules that did not match", stage("/match/100", "log: {no_expect_ids: [101]}")],
    ["rules that match without a log line", stage("/", "log: {no_expect_ids: [900]}")],
    ["text of the log", stage("/match/100", `log_contains: 'id "100"'`)],
    ["text that is not in the log", stage("/match/100", `no_log_contains: 'id "10"'`)],
    ["a pattern over the matched target", stage("/match/1", "log: {match_regex: 'at ARGS:a\\.'}")],
    ["data, escaped", stage("/match/1", String.raw`log: {match_regex: 'a \\"b\\"\\x80"'}`)],
    ["the severity's name", stage("/match/1", `log_contains: 'severity "CRITICAL"'`)],
    ["one rule alone", stage("/match/100", "isolated: true")],
    ["the status of the backend", stage("/", "status: 200")],
    ["the status of the engine", stage("/deny", "status: [400, 403]")],
    ["a refusal by the server", stage(" /", "status: 400")],
    [
      "no answer",
      stage("/", "expect_error: true", ", stop_magic: true, data: a").replace(
        "{Host: a}",
        '{Host: a, Content-Length: "5"}',
      ),
    ],
    [
      "rules over the answer",
      stage(
        "/reflect",
        "log: {expect_ids: [950]}, response_contains: ^x",
        `, method: POST, data: '{"body":"x"}'`,
      ).replace("Host: a", "Host: a, Content-Type: application/json"),
    ],
  ])("%s", async (_name, text) => {
    const { failures, passed } = await run(text);
    expect(failures).toEqual([]);
    expect(passed).toBe(1);
  });
});

describe("a test fails with its reasons", () => {
  test.each([
    [
      "a rule that is missing",
      stage("/match/100", "log: {expect_ids: [100, 101]}"),
      "expected rule 101",
    ],
    ["a rule that does not log", stage("/", "log: {expect_ids: [900]}"), "expected rule 900"],
    ["a rule too many", stage("/match/100", "log: {no_expect_ids: [100]}"), "unexpected rule 100"],
    [
      "a pattern that is missing",
      stage("/", "log: {match_regex: x}"),
      "expected a log line like x",
    ],
    [
      "a pattern that is there",
      stage("/match/1", "log: {no_match_regex: Found}"),
      "unexpected log line like Found",
    ],
    ["text that is missing", stage("/", "log_contains: x"), "expected x in the log"],
    [
      "text that is there",
      stage("/match/1", "no_log_contains: Found"),
      "unexpected Found in the log",
    ],
    ["company", stage("/match/1/2", "isolated: true"), "expected one rule alone"],
    ["another status", stage("/", "status: 400"), "expected status 400, got 200"],
    [
      "a refusal",
      stage(" /", "status: 200"),
      "expected status 200, got 400 (white space in the request target)",
    ],
    ["an answer", stage("/", "expect_error: true"), "expected no answer, got one"],
    [
      "an engine that gave up",
      stage("/long", "log: {no_expect_ids: [1]}"),
      "the engine gave up: waf.value_too_long",
    ],
    ["another answer", stage("/", "response_contains: x"), "expected an answer with x"],
  ])("%s", async (_name, text, reason) => {
    const { failures, failed } = await run(text);
    expect(failed).toBe(1);
    expect(failures[0]).toMatchObject({ id: "1-1", file: "a.yaml", reasons: [reason] });
  });

  test("a crash of the engine", async () => {
    const { failures } = await run(stage("/throw", "log: {no_expect_ids: [1]}"));
    expect(failures[0]?.reasons[0]).toContain("the engine threw Error: out of order");
  });

  test("every stage counts", async () => {
    const good = stage("/", "status: 200");
    const { failures } = await run(`${good}\n      - ${stage("/match/7", "status: 403")}`);
    expect(failures[0]).toMatchObject({ reasons: ["expected status 403, got 200"], logged: [7] });
  });
});

test("the result counts what was left out and what no rule saw", async () => {
  writeFileSync(
    join(directory, "b.yaml"),
    `meta: {enabled: false}\ntests:\n  - test_title: b-1\n    stages:\n      - ${stage("/", "status: 200")}\n`,
  );
  expect(await run(stage(" /", "status: 400"))).toMatchObject({
    passed: 1,
    failed: 0,
    skipped: 1,
    refusedByServer: 1,
    passedIds: ["1-1"],
  });
  const result = await runFtw({ directory, engine, only: (id) => id !== "1-1" });
  expect(result).toMatchObject({ passed: 0, failed: 0, skipped: 2 });
  rmSync(join(directory, "b.yaml"));
});
