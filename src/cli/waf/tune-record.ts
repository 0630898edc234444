/** Requests that the firewall refused, or would have refused, as the ledger or the log tells them. It takes both at their word. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { readInspected } from "../../gateway/replay/replay-inspected.ts";
import { ledgerLines } from "../../gateway/replay/replay-lines.ts";
import { readDecision, type RecordedDecision } from "../../gateway/replay/replay-record.ts";
import type { Inspected } from "../../pipeline/facts.ts";

export interface RefusedRequest {
  readonly ts: string;
  readonly route: string;
  /** Who called, as far as the record tells callers apart. */
  readonly caller: string;
  readonly inspected: Inspected;
}

export interface RecordRange {
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
}

const DECISIONS: ReadonlySet<string> = new Set(["decision"]);

/** From a ledger's folder. Lines without a word of the firewall are not even parsed. */
export async function* refusedInLedger(
  directory: string,
  range: RecordRange,
): AsyncGenerator<RefusedRequest, void, void> {
  for await (const { value } of ledgerLines(directory, {
    ...range,
    kinds: DECISIONS,
    holding: '"refused_by"',
  })) {
    const decision = readDecision(value);
    const { ts, route, inspected } = decision;
    if (inspected?.refusedBy !== undefined)
      yield { ts, route, caller: callerOf(decision), inspected };
  }
}

/** Callers without a name are told apart by their addresses, as far as these are recorded. */
const callerOf = ({ who, facts }: RecordedDecision): string =>
  who.caller ?? `${who.method} ${facts.address}`;

/** From a log file, a line of JSON each; other lines are passed over, as logs hold much. */
export async function* refusedInLog(
  file: string,
  { sinceMs = -Infinity, untilMs = Infinity }: RecordRange,
): AsyncGenerator<RefusedRequest, void, void> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  for await (const line of lines) {
    const request = line.includes('"refused_by"') ? readLogLine(line) : undefined;
    const ms = Date.parse(request?.ts ?? "");
    if (request !== undefined && ms >= sinceMs && ms < untilMs) yield request;
  }
}

function readLogLine(line: string): RefusedRequest | undefined {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    return undefined;
  }
  const inspected = value["msg"] === "request" ? readInspected(value["waf"]) : undefined;
  if (inspected?.refusedBy === undefined) return undefined;
  const text = (name: string): string => {
    const member = value[name];
    return typeof member === "string" ? member : "";
  };
  const caller = text("client_id") || `address ${text("caller_address")}`;
  return { ts: text("time"), route: text("route"), caller, inspected };
}
