/**
 * The Core Rule Set's protocol tests over a real socket: what our own listener makes of broken requests is what the rules
 * see, and what it refuses by itself counts as refused, never as passed unseen.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crsTestRules } from "../../src/seclang/ftw/crs-test-rules.ts";
import { wireBytes } from "../../src/seclang/ftw/ftw-request.ts";
import type { FtwExpectation, FtwStage } from "../../src/seclang/ftw/ftw-test.ts";
import { judgeStage, type StageOutcome } from "../../src/seclang/ftw/judge-stage.ts";
import { readFtw } from "../../src/seclang/ftw/read-ftw.ts";
import { loadRuleSet, type Policy } from "../../src/seclang/index.ts";
import { toRequestHead } from "../../src/stages/waf/message-heads.ts";
import { sendRaw } from "../support/raw-http.ts";
import { startRecording, type RecordingServer } from "../support/recording-server.ts";

const TESTS = join(
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../shared/corpora"),
  "crs-ftw-v3.3",
);
const RULES = "/usr/share/modsecurity-crs/rules";
const SET_UP = "/etc/modsecurity/crs/crs-setup.conf";
const isHere = [TESTS, RULES, SET_UP].every((path) => existsSync(path));
if (!isHere) console.warn("SKIPPED: no modsecurity-crs, or no corpora (PORTCULLIS_CORPORA)");

/** Rules of the protocol: 920 and 921. */
const IS_PROTOCOL = /^92[01]/;
/** A test's verdict must not depend on how busy the machine is. */
const BUDGET_MICROS = 60_000_000;
/** A request whose body does not come is never answered; all others are, and then the connection is closed. */
const QUIET_MS = 1_000;
/** Listeners at work at a time, each with its own tests: most of a test is waiting. */
const LANES = 8;

const EXCEPTIONS: Readonly<Record<string, string>> = {
  "920100-5":
    "CONNECT is refused with 405 whatever its target is; httpd says 400 to one without a port",
};

interface Row {
  readonly id: string;
  readonly reasons: readonly string[];
  /** Whether the rules saw it. */
  readonly isSeen: boolean;
}

class WireRunner {
  readonly #running: RecordingServer;
  readonly #policy: Policy;

  constructor(running: RecordingServer, policy: Policy) {
    this.#running = running;
    this.#policy = policy;
  }

  async run(id: string, stages: readonly FtwStage[]): Promise<Row> {
    const reasons: string[] = [];
    let isSeen = false;
    for (const { input, expected } of stages) {
      const outcome = await this.#send(wireBytes(input));
      isSeen ||= outcome.refusedByServer === undefined;
      if (!isBlockedAsAttack(outcome, expected)) reasons.push(...judgeStage(outcome, expected));
    }
    return { id, reasons, isSeen };
  }

  async #send(bytes: string): Promise<StageOutcome> {
    const { handler, port } = this.#running;
    const seenBefore = handler.recorded.length;
    const reply = await sendRaw({ port, bytes, quietMs: QUIET_MS });
    const status = reply.statuses[0] ?? 0;
    const recorded = handler.recorded[seenBefore];
    const outcome = { fault: undefined, status, responseBody: "" };
    if (recorded === undefined) {
      const refusal = { status, reason: "the listener refused it", isAfterRules: false };
      return { ...outcome, matched: [], refusedByServer: refusal };
    }
    const transaction = this.#policy.transaction();
    transaction.requestHead(toRequestHead(recorded.request));
    await transaction.requestBody(recorded.body);
    const { matched, fault } = transaction.end();
    return { ...outcome, matched, fault, refusedByServer: undefined };
  }
}

/** A request that a rule should find, and that the listener did not even take. */
function isBlockedAsAttack({ refusedByServer, status }: StageOutcome, expected: FtwExpectation) {
  const wantsRule = expected.expectIds.length > 0 || expected.logContains !== undefined;
  return wantsRule && refusedByServer !== undefined && status >= 400;
}

describe.skipIf(!isHere)("the protocol tests of the Core Rule Set over a socket", () => {
  let running: readonly RecordingServer[] = [];
  let rows: readonly Row[] = [];

  beforeAll(async () => {
    running = await Promise.all(Array.from({ length: LANES }, () => startRecording()));
    const sources = crsTestRules({ directory: RULES, setUpFile: SET_UP });
    const policy = loadRuleSet({ sources }).policy({ budgetMicros: BUDGET_MICROS });
    const tests = readFtw(TESTS).tests.filter(({ id }) => IS_PROTOCOL.test(id));
    const lanes = running.map(async (server, lane) => {
      const runner = new WireRunner(server, policy);
      const own: Row[] = [];
      for (const { id, stages } of tests.filter((_test, at) => at % LANES === lane))
        own.push(await runner.run(id, stages));
      return own;
    });
    rows = (await Promise.all(lanes)).flat();
  }, 240_000);
  afterAll(() => Promise.all(running.map(({ server }) => server.close())));

  test("fail only where the list says so, and there they do", () => {
    const failed = rows.filter(({ reasons }) => reasons.length > 0);
    const unknown = failed.filter(({ id }) => EXCEPTIONS[id] === undefined);
    expect(unknown).toEqual([]);
    expect(failed.map(({ id }) => id).sort()).toEqual(Object.keys(EXCEPTIONS).sort());
  });

  test("reach the rules for the most part", () => {
    // Floors: a stricter listener may refuse more, but then somebody should look.
    expect(rows.length).toBeGreaterThanOrEqual(164);
    expect(rows.filter(({ isSeen }) => isSeen).length).toBeGreaterThanOrEqual(124);
  });
});
