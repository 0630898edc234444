import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gatherReport, type ReportOptions } from "./gather-report.ts";
import type { Report, TallyReport } from "./report.ts";
import { decision, SmallLedger, type DecisionFixture } from "./small-ledger.test-support.ts";

const START_MS = Date.UTC(2026, 10, 22, 13);
const HOUR_MS = 3_600_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-report-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const gather = (options: Partial<ReportOptions> = {}): Promise<Report> =>
  gatherReport({ directory, verification: null, nowMs: START_MS, ...options });

type Parsed = Record<string, unknown> & { ts: string; seq: number; kind: string };

/** All lines, read with nothing of the ledger's code. */
function linesOnDisk(): Parsed[] {
  return readdirSync(directory)
    .filter((name) => name.includes(".ndjson"))
    .sort()
    .flatMap((name) => {
      const bytes = readFileSync(join(directory, name));
      const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
      return text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Parsed);
    });
}

/** Counts of names, by a plain walk over the lines. */
function counted(
  lines: readonly Parsed[],
  nameOf: (line: Parsed) => unknown,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) {
    const name = JSON.stringify(nameOf(line));
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The same shape from a table of the report. */
const table = ({ rows }: TallyReport): Record<string, number> =>
  Object.fromEntries(
    rows.map(({ names, count }) => [JSON.stringify(names.length === 1 ? names[0] : names), count]),
  );

/** Reproducible, and unlike a round robin: rows differ in size. */
function mixed(count: number): DecisionFixture[] {
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) ** 2 * below);
  };
  return Array.from({ length: count }, (_, i) => {
    const kind = (["allow", "allow", "deny", "error"] as const)[next(4)] ?? "allow";
    const refused = {
      deny: { status: 403 + 26 * next(2), stage: "authorization", code: `code.${next(5)}` },
      error: { status: 502, stage: "upstream", code: "upstream.unreachable" },
    };
    const shadows = next(5) === 4 ? [{ stage: "limits", code: "limits.bucket_empty" }] : undefined;
    const broken = next(9) === 8 ? [{ stage: "waf", cause: "engine down" }] : undefined;
    const who = next(6) === 5 ? {} : { caller: `caller-${next(12)}`, tenant: `tenant-${next(3)}` };
    return {
      requestId: `r${i}`,
      ...who,
      model: `m${next(3)}`,
      version: `v${next(2)}`,
      decision: kind,
      ...(kind === "allow" ? {} : refused[kind]),
      more: { shadows, broken },
    };
  });
}

describe("an audit report", () => {
  test("counts what an independent walk over the lines counts, over segments plain and packed", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    for (const [i, fixture] of mixed(600).entries()) {
      ledger.at(START_MS + i * 97_000).line(decision(fixture));
      if (i % 50 === 49) ledger.sign();
      if (i === 199) ledger.close("rotation", true).open("rotation");
      if (i === 399) ledger.close("rotation").open("rotation");
    }
    ledger.close("stop");
    const lines = linesOnDisk();
    const decisions = lines.filter(({ kind }) => kind === "decision");
    const report = await gather();
    const { decisions: of } = report;

    expect(report.lines).toBe(lines.length);
    expect(report.gateway).toBe("gateway.example/one");
    expect(report.first).toEqual({ seq: 0, ts: lines[0]?.ts, hash: lines[0]?.["hash"] });
    expect(report.last).toMatchObject({ seq: lines.length - 1, hash: lines.at(-1)?.["hash"] });
    expect(table(report.byKind)).toEqual(counted(lines, ({ kind }) => kind));
    expect(of.total).toBe(600);
    expect(table(of.byDecision)).toEqual(counted(decisions, (line) => line["decision"]));
    expect(table(of.byStatus)).toEqual(counted(decisions, (line) => String(line["status"])));
    expect(table(of.byStage)).toEqual(counted(decisions, (line) => line["stage"]));
    expect(table(of.byCode)).toEqual(counted(decisions, (line) => line["code"]));
    const who = (line: Parsed) => line["who"] as Record<string, string>;
    expect(table(of.byCaller)).toEqual(counted(decisions, (line) => who(line)["caller"] ?? null));
    expect(table(of.byTenant)).toEqual(counted(decisions, (line) => who(line)["tenant"] ?? null));
    expect(table(of.byModel)).toEqual(
      counted(decisions, (line) => [line["model"], line["version"]]),
    );
    const refused = decisions.filter((line) => line["decision"] !== "allow");
    expect(table(of.refusals)).toEqual(
      counted(refused, (line) => [
        line["decision"],
        line["stage"],
        line["code"],
        String(line["status"]),
      ]),
    );
    const listed = (name: string) => decisions.flatMap((line) => (line[name] ?? []) as Parsed[]);
    expect(listed("shadows").length).toBeGreaterThan(3);
    expect(table(of.shadows)).toEqual(
      counted(listed("shadows"), (each) => [each["stage"], each["code"]]),
    );
    expect(listed("broken").length).toBeGreaterThan(3);
    expect(table(of.broken)).toEqual(counted(listed("broken"), (each) => each["stage"]));

    expect(of.overTime.unit).toBe("hour");
    expect(
      Object.fromEntries(
        of.overTime.rows.map(({ from, ...row }) => [from, row.allow + row.deny + row.error]),
      ),
    ).toEqual(
      Object.fromEntries(
        Object.entries(counted(decisions, ({ ts }) => ts.slice(0, 13))).map(([key, n]) => [
          JSON.parse(key) as string,
          n,
        ]),
      ),
    );
    expect(table(report.integrity.opened)).toEqual({ '"start"': 1, '"rotation"': 2 });
    for (const events of [
      report.integrity.gaps,
      report.integrity.unreadable,
      report.integrity.uncleanStops,
    ])
      expect(events.total).toBe(0);
  });

  test("shows the largest rows and states what the rest adds up to", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    for (let caller = 0; caller < 10; caller++)
      for (let i = 0; i <= caller; i++) ledger.line(decision({ caller: `c${caller}` }));
    ledger.close("stop");
    const { byCaller } = (await gather({ top: 3 })).decisions;
    expect(table(byCaller)).toEqual({ '"c9"': 10, '"c8"': 9, '"c7"': 8 });
    expect(byCaller).toMatchObject({
      total: 55,
      remainder: { count: 28, names: 7 },
      mayLackUpTo: 0,
    });
  });

  test.each<[string, Partial<ReportOptions>, number[]]>([
    ["all", {}, [1, 2, 3, 4]],
    ["since, inclusive", { sinceMs: START_MS + HOUR_MS }, [2, 3, 4]],
    ["until, exclusive", { untilMs: START_MS + 2 * HOUR_MS }, [1, 2]],
    ["both", { sinceMs: START_MS + HOUR_MS, untilMs: START_MS + 2 * HOUR_MS }, [2]],
    ["nothing", { sinceMs: START_MS + 99 * HOUR_MS }, []],
  ])("covers a period: %s", async (_name, options, expected) => {
    const ledger = new SmallLedger(directory, START_MS - 1).open("start");
    for (let hour = 0; hour < 4; hour++)
      ledger.at(START_MS + hour * HOUR_MS).line(decision({ caller: `c${hour + 1}` }));
    ledger.flush();
    const report = await gather(options);
    const callers = report.decisions.byCaller.rows.map(({ names }) => Number(names[0]?.slice(1)));
    expect(callers.toSorted((one, other) => one - other)).toEqual(expected);
    expect(report.gateway).toBe("gateway.example/one");
    if (expected.length === 0) expect(report).toMatchObject({ first: null, last: null, lines: 0 });
    else expect(report.decisions.byCaller.rows[0]?.firstSeq).toBe(expected[0]);
  });

  test("counts a decision that was recorded before its call with the end it came to", async () => {
    const begun = (requestId: string) =>
      decision({ requestId, caller: "c", status: null, code: null });
    const end = (of: string, more: object) => ({ kind: "outcome", of, ...more });
    const ok = { decision: "allow", status: 200, stage: "upstream", code: "ok" };
    const gone = {
      decision: "error",
      status: 499,
      stage: "listener",
      code: "listener.caller_gone",
    };
    new SmallLedger(directory, START_MS)
      .open("start")
      .line(begun("a"))
      .line(begun("b"))
      .line(begun("c"))
      .line(end("b", { ...gone, shadows: [{ stage: "waf", code: "waf.blocked" }] }))
      .line(end("a", ok))
      // `a` was answered, and then the caller left before the last byte: its second end is no second request.
      .line(end("a", { ...gone, shadows: [{ stage: "waf", code: "waf.blocked" }] }))
      .flush();
    const { decisions } = await gather();
    expect(decisions).toMatchObject({ total: 3, withoutEnd: 1 });
    expect(table(decisions.byDecision)).toEqual({ '"allow"': 2, '"error"': 1 });
    expect(table(decisions.byStatus)).toEqual({ '"200"': 1, '"499"': 1, null: 1 });
    expect(table(decisions.byCaller)).toEqual({ '"c"': 3 });
    expect(table(decisions.laterEnds)).toEqual({ '["listener","listener.caller_gone","499"]': 1 });
    expect(decisions.shadows.total).toBe(1);
  });

  test("lists what was done to keys, packs, switches, glass and configuration", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    ledger
      .line({ kind: "key", event: "create", key_id: "k1", owner: "core", tenant: null, at: "t" })
      .line({ kind: "pack", event: "activate", pack: "bank", version: 3 })
      .line({ kind: "breakglass", event: "use", by: "alice", for_s: 900 })
      .line({ kind: "kill", event: "set", model: "churn" })
      .line(decision({ decision: "deny", status: 410, stage: "kill-switch", code: "kill.version" }))
      .line({ kind: "reload", result: "taken", config: "b3:1", previous: null, trigger: "file" })
      .line({
        kind: "reload",
        result: "refused",
        config: "b3:2",
        previous: "b3:1",
        trigger: "file",
      })
      .flush();
    const report = await gather();
    const of = (name: "keys" | "packs" | "breakGlass" | "killSwitches" | "reloads") =>
      report[name].rows.map(({ seq, members }) => [seq, { ...members }]);
    expect(of("keys")).toEqual([[1, { event: "create", key_id: "k1", owner: "core", at: "t" }]]);
    expect(of("packs")).toEqual([[2, { event: "activate", pack: "bank", version: "3" }]]);
    expect(of("breakGlass")).toEqual([[3, { event: "use", by: "alice", for_s: "900" }]]);
    expect(of("killSwitches")).toEqual([[4, { event: "set", model: "churn" }]]);
    expect(report.reloads.total).toBe(2);
    expect(report.decisions.killed).toBe(1);
  });

  test("tells of crashes, recoveries, removals, a clock that went back, and lines that are gone or broken", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    ledger.line(decision()).flush().open("start");
    ledger
      .line({ kind: "recovered", segment: 0, cause: "torn", bytes: 17, blake3: "b3:x", file: "f" })
      .line({
        kind: "retention",
        removed: [
          { segment: 7, first_seq: 1, last_seq: 2 },
          { segment: 8, first_seq: 3, last_seq: 4 },
        ],
      })
      .at(START_MS - 5)
      .line(decision())
      .line(decision())
      .flush();
    ledger.at(START_MS + 1).open("recovery", {
      set_aside: [{ segment: 1, after_seq: 6, bytes: 99 }],
    });
    ledger.line(decision()).flush();
    const broken = readFileSync(join(directory, "00000002.ndjson"), "utf8").split("\n");
    writeFileSync(join(directory, "00000002.ndjson"), `${broken[0]}\nnot a line\n{"ts":"torn`);

    const { integrity, decisions } = await gather();
    expect(decisions.total).toBe(3);
    expect(integrity.uncleanStops.rows).toMatchObject([{ seq: 2, members: { last_line: "1" } }]);
    expect(integrity.recoveries.rows).toMatchObject([{ members: { cause: "torn", bytes: "17" } }]);
    expect(integrity.removals.rows).toMatchObject([
      { members: { segment: "7" } },
      { members: { segment: "8" } },
    ]);
    expect(integrity.setAside.rows).toMatchObject([{ seq: 7, members: { bytes: "99" } }]);
    expect(integrity.clockBehind).toEqual({ lines: 2, mostUs: 5_000 });
    expect(integrity.unreadable.rows.map(({ members }) => members["where"])).toEqual([
      "00000002.ndjson, line 2",
      "00000002.ndjson, line 3",
    ]);
  });

  test("names a gap where a line is missing", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    for (let i = 0; i < 4; i++) ledger.line(decision());
    ledger.flush();
    const path = join(directory, "00000000.ndjson");
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [...lines.slice(0, 2), ...lines.slice(4)].join("\n"));
    const { integrity } = await gather();
    expect(integrity.gaps.rows).toMatchObject([
      { seq: 4, members: { after_seq: "1", next_seq: "4" } },
    ]);
  });
});
