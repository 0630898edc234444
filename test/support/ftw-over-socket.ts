/**
 * Runs regression tests of a rule set over real sockets through a listening gateway, byte for byte. It judges by what the
 * gateway recorded of each request; what its server refused before any rule is told apart, never counted as a match.
 */
import { toBytes } from "../../src/seclang/byte-string.ts";
import { wireBytes } from "../../src/seclang/ftw/ftw-request.ts";
import type { FtwExpectation, FtwTest } from "../../src/seclang/ftw/ftw-test.ts";
import { judgeStage } from "../../src/seclang/ftw/judge-stage.ts";
import type { MatchedRule } from "../../src/seclang/transaction/report.ts";
import type { TestGateway } from "./gateway.ts";
import type { AccessLine } from "./gateway-log.ts";
import { sendRaw } from "./raw-http.ts";

export interface SocketVerdict {
  readonly id: string;
  /** `refused` by the server, as a test that asks for a match or a 4xx wants it; `stricter` where the test wants no refusal. */
  readonly result: "passed" | "refused" | "stricter" | "failed";
  /** Why it failed, or with what the server refused it; 0 is no answer before the body is there. */
  readonly reason: string;
}

/** Longest silence of a busy machine; whoever waits for more bytes is cut off after it. */
const QUIET_MS = 6_000;
const LIMIT_MS = 30_000;

/** The gateway detects only, and lets everything through that its server takes. */
export async function runOverSocket(test: FtwTest, gateway: TestGateway): Promise<SocketVerdict> {
  const verdicts: SocketVerdict[] = [];
  for (const { input, expected } of test.stages) {
    const bytes = Buffer.from(toBytes(wireBytes(input)));
    const reply = await sendRaw({
      port: gateway.port,
      bytes,
      quietMs: QUIET_MS,
      limitMs: LIMIT_MS,
    });
    const requestId = /^x-request-id: *(\S+)/im.exec(reply.text)?.[1];
    const line = requestId === undefined ? undefined : await gateway.lineOf(requestId);
    verdicts.push(judge({ id: test.id, expected, status: reply.statuses[0] ?? 0, line }));
  }
  return verdicts.find(({ result }) => result !== "passed") ?? (verdicts[0] as SocketVerdict);
}

interface Observed {
  readonly id: string;
  readonly expected: FtwExpectation;
  /** 0 without an answer. */
  readonly status: number;
  readonly line: AccessLine | undefined;
}

interface InspectedRule {
  readonly id: number;
  readonly fields?: readonly { readonly name: string }[];
}

/** Of an access line; a request that no rule matched names none. */
interface Inspected {
  readonly rules?: readonly InspectedRule[];
}

function judge({ id, expected, status, line }: Observed): SocketVerdict {
  const waf = line?.["waf"] as Inspected | null | undefined;
  if (waf === null || waf === undefined)
    return {
      id,
      result: wantsRefusal(expected) ? "refused" : "stricter",
      reason: line === undefined ? `${status}` : `${status} ${line.code}`,
    };
  const reasons = judgeStage(
    {
      matched: (waf.rules ?? []).map(matchedRule),
      refusedByServer: undefined,
      fault: undefined,
      status,
      responseBody: "",
    },
    expected,
  );
  return { id, result: reasons.length === 0 ? "passed" : "failed", reason: reasons.join(", ") };
}

function wantsRefusal(expected: FtwExpectation): boolean {
  const { expectIds, logContains, matchRegex, statuses, isErrorExpected } = expected;
  const wantsMatch = expectIds.length > 0 || logContains !== undefined || matchRegex !== undefined;
  return wantsMatch || isErrorExpected || statuses.some((status) => status >= 400 && status < 500);
}

/** What the record keeps is less than what the engine knows: number and places are all that these tests ask for. */
function matchedRule({ id, fields = [] }: InspectedRule): MatchedRule {
  return {
    id,
    phase: 2,
    message: "",
    data: "",
    severity: undefined,
    tags: [],
    file: "",
    line: 0,
    hits: fields.map(({ name }) => ({ target: name, value: "", start: -1, end: -1 })),
    isLogged: true,
    isDisruptive: false,
    scores: {},
  };
}
