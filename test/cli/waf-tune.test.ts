/** `portcullis waf tune`: exclusions out of a record, and that the configuration takes them as they are written. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { decision, SmallLedger } from "../../src/ledger/report/small-ledger.test-support.ts";
import { wafSchema } from "../../src/stages/waf/config.ts";
import { filesOf, runWaf } from "./waf-commands.ts";

const SQL = "ARGS:json.messages.3.content";

interface Entry {
  readonly time?: string;
  readonly caller?: string | null;
  readonly address?: string;
  readonly mode?: "detect" | "enforce";
  readonly rules?: readonly object[];
  readonly refusedBy?: number;
}

const rule = (id: number, ...fields: readonly string[]) => ({
  id,
  phase: 2,
  message: `message of ${id}`,
  severity: 2,
  scores: { inbound_anomaly_score_pl1: 5 },
  fields: fields.map((name) => ({ name })),
});
const JUDGE = { id: 949110, phase: 2, message: "Too many points" };

const LISTED: Entry = { rules: [rule(99_001, "REMOTE_ADDR")], refusedBy: 99_001 };

const waf = ({ mode = "enforce", rules = [rule(942100, SQL)], refusedBy = 949110 }: Entry) => ({
  mode,
  request: "whole",
  rules: [...rules, JUDGE],
  ...(refusedBy > 0 && { refused_by: { rule: refusedBy, status: 403 } }),
  us: 50,
});

function logLine(entry: Entry): string {
  const { time = "2026-11-20T10:00:00.000Z", caller = "ann", address = "192.0.2.1" } = entry;
  const line = {
    time,
    msg: "request",
    client_id: caller,
    route: "chat.v1",
    caller_address: address,
    waf: waf(entry),
  };
  return JSON.stringify(line);
}

const log = (...entries: readonly Entry[]): string =>
  filesOf({ "access.log": `${entries.map(logLine).join("\n")}\nnot JSON: "refused_by"\n` })[0] ??
  "";

const tuned = async (file: string, ...args: string[]) => runWaf("tune", "--log", file, ...args);

describe("portcullis waf tune", () => {
  test("one exclusion a rule, field and route, with counts, the most frequent first", async () => {
    const file = log(
      { caller: "ann", mode: "detect" },
      { caller: "bob", rules: [rule(942100, "ARGS:json.messages.0.content", SQL)] },
      { caller: "cid", time: "2026-11-21T10:00:00.000Z" },
      { caller: "cid", rules: [rule(932100, "REQUEST_COOKIES:theme")] },
    );
    const { code, stdout, stderr } = await tuned(file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`# 4 requests were refused, or would have been.
# Read each before you take it over: what is excluded is not inspected any more.
waf:
  exclusions:
    # 3 requests of 3 callers, 1 not refused: message of 942100
    - rules: [942100]
      field: "json.messages.*.content"
      route: "chat.v1"
      reason: "3 requests of 3 callers, 2026-11-20 to 2026-11-21"
    # 1 request of 1 caller: message of 932100
    # WARNING: only 1 distinct caller: an attack looks like this too
    - rules: [932100]
      cookie: "theme"
      route: "chat.v1"
      reason: "1 request of 1 caller, 2026-11-20"
`);
  });

  test("the configuration takes them as they are written", async () => {
    const file = log(
      {},
      { rules: [rule(920300, "REQUEST_HEADERS:X-Trace")] },
      { rules: [{ ...rule(911100, "REQUEST_METHOD"), message: "a # b: 'c'\n- d" }] },
    );
    const { waf: section } = parse((await tuned(file)).stdout) as { waf: object };
    expect(wafSchema.parse(section).exclusions).toMatchObject([
      { rules: [911100], route: "chat.v1" },
      { rules: [920300], header: "X-Trace" },
      { rules: [942100], field: "json.messages.*.content" },
    ]);
  });

  test.each([
    ["of few callers", {}, "only 1 distinct caller"],
    [
      "of request smuggling",
      { rules: [rule(921110, "ARGS:a")] },
      "guards against request smuggling",
    ],
    ["of scanners", { rules: [rule(913100, "REQUEST_HEADERS:User-Agent")] }, "finds scanners"],
    ["of gadgets", { rules: [rule(9517010, SQL)] }, "deserialisation gadgets"],
    ["where no field is known", { rules: [rule(942100)] }, "leaves out the whole rule"],
    [
      "where the record left a part of the name out",
      { rules: [rule(942100, "ARGS:json.?.text")] },
      "leaves out the whole rule",
    ],
    [
      "for rules over prompts",
      { rules: [rule(9530110, "PROMPTS:json.prompt")] },
      "leaves out the whole rule",
    ],
    ["for names of fields", { rules: [rule(942100, "ARGS_NAMES:a")] }, "leaves out the whole rule"],
  ])("warns %s", async (_name, entry, warning) => {
    expect((await tuned(log(entry))).stdout).toMatch(new RegExp(`# WARNING: .*${warning}`));
  });

  test("never proposes to leave out what judges the points, nor rules without a part in it", async () => {
    const watched = { ...rule(942999, SQL), scores: {} };
    const { stdout } = await tuned(
      log({ rules: [watched] }, { rules: [], refusedBy: 9599020 }, LISTED),
    );
    expect(stdout).toBe(
      "# 3 requests were refused, or would have been; of 3 the record names no rule that could be excluded.\n",
    );
  });

  test("a rule that refuses by itself is a cause without points", async () => {
    const alone = { ...rule(1002, "ARGS:json.q"), scores: {} };
    const { stdout } = await tuned(log({ rules: [alone], refusedBy: 1002 }));
    expect(stdout).toContain('- rules: [1002]\n      field: "json.q"');
  });

  test("leaves out what was not refused, and what is not in the span", async () => {
    const file = log(
      { refusedBy: 0 },
      { time: "2026-11-18T00:00:00.000Z" },
      { time: "2026-11-19T00:00:00.000Z" },
      { time: "2026-11-21T00:00:00.000Z" },
    );
    const span = ["--since", "2026-11-19", "--until", "2026-11-21"];
    expect((await tuned(file, ...span)).stdout).toMatch(/^# 1 requests/);
  });

  test("callers without a name are told apart by their addresses", async () => {
    const anonymous = ["192.0.2.1", "192.0.2.2", "192.0.2.1"].map((address) => ({
      caller: null,
      address,
    }));
    const { stdout } = await tuned(log(...anonymous), "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 3,
      proposals: [{ rule: 942100, requests: 3, callers: 2, place: { kind: "field" } }],
    });
  });

  test("--limit shows so many and counts the rest", async () => {
    const file = log({ rules: [rule(942100, SQL), rule(942110, SQL), rule(942120, SQL)] });
    const { stdout } = await tuned(file, "--limit", "1");
    expect(stdout).toContain("# 2 more; --limit shows them\n");
    expect(stdout.match(/- rules:/g)).toHaveLength(1);
  });

  test("reads a ledger as well", async () => {
    const directory = mkdtempSync(join(tmpdir(), "portcullis-tune-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const line = (caller: string, entry: Entry) => {
      const whole = decision({ caller, decision: "deny" }) as Readonly<Record<string, object>>;
      return { ...whole, kind: "decision", facts: { ...whole["facts"], waf: waf(entry) } };
    };
    new SmallLedger(directory, Date.UTC(2026, 10, 20))
      .open("start")
      .line(line("ann", {}))
      .line(line("bob", {}))
      .line(decision({ caller: "cid" }))
      .sign()
      .close("stop");
    const { code, stdout } = await runWaf("tune", "--ledger", directory);
    expect(code).toBe(0);
    expect(stdout).toContain("# 2 requests of 2 callers: message of 942100");
    expect(stdout).toContain('field: "json.messages.*.content"');
  });

  test.each([
    ["no record", [], "give --ledger or --log"],
    ["two records", ["--ledger", "a", "--log", "b"], "give --ledger or --log"],
    ["a log that is not there", ["--log", "/nowhere/a.log"], "ENOENT"],
    ["a ledger that is not there", ["--ledger", "/nowhere"], "/nowhere"],
  ])("%s: exits with 2 and says so", async (_name, args, message) => {
    const { code, stderr } = await runWaf("tune", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
