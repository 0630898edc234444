/** Ledger lines as a collector receives them: a real OTLP/HTTP receiver on loopback. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { createTestLedger, type TestLedger } from "./ledger-files.test-support.ts";
import { openLineFeed } from "./line-feed.ts";
import { createOtlpSink } from "./otlp-sink.ts";
import type { OutwardPiece } from "./outward-piece.ts";

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpLog {
  readonly timeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly Attribute[];
  readonly eventName: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

interface OtlpMessage {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeLogs: readonly { readonly logRecords: readonly OtlpLog[] }[];
  }[];
}

const PATIENCE_MS = 20_000;

let ledger: TestLedger;
let collector: Server;
let messages: OtlpMessage[];
let heads: IncomingHttpHeaders[];
/** The only `authorization` that is taken; undefined takes all. */
let wanted: string | undefined;
let feed: OutwardPiece | undefined;

beforeEach(async () => {
  ledger = await createTestLedger();
  messages = [];
  heads = [];
  wanted = undefined;
  collector = createServer(async (request, response) => {
    const message = (await json(request)) as OtlpMessage;
    heads.push(request.headers);
    const isTaken = wanted === undefined || request.headers.authorization === wanted;
    if (isTaken) messages.push(message);
    response.writeHead(isTaken ? 200 : 400, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
});
afterEach(async () => {
  await feed?.close();
  feed = undefined;
  collector.closeAllConnections();
  collector.close();
  await ledger.remove();
});

async function open(headers: () => Record<string, string> = () => ({})): Promise<void> {
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/logs`;
  feed = await openLineFeed({
    directory: ledger.directory,
    statePath: join(ledger.directory, "otlp.json"),
    checkpointIntervalMs: 0,
    backoff: { firstMs: 1, limitMs: 20 },
    sink: await createOtlpSink({ url, headers, version: "1.2.3", gateway: "eu-1" }),
  });
}

const records = (): OtlpLog[] =>
  messages.flatMap(({ resourceLogs }) =>
    resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
  );
const plain = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

test("a record holds the whole line, its time, its severity and what it is found by", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  await ledger.append(
    1,
    () =>
      `"kind":"decision","request_id":"req-1","trace_id":"${traceId}","who":{"tenant":"retail"},"decision":"error","status":503,"stage":"upstream","code":"upstream.unreachable"`,
  );
  await open();
  await until("all lines", () => records().length === ledger.lines.length, PATIENCE_MS);
  expect(records().map(({ body }) => body.stringValue)).toEqual(ledger.lines);
  const record = records()[2] as OtlpLog;
  const { ts } = JSON.parse(ledger.lines[2] ?? "") as { ts: string };
  expect(record).toMatchObject({
    timeUnixNano: `${(Date.parse(ts) / 1_000) | 0}${ts.slice(20, 26)}000`,
    severityNumber: 17,
    severityText: "ERROR",
    eventName: "portcullis.ledger.decision",
    traceId,
  });
  expect(record.spanId ?? "", "no span is made up").toBe("");
  expect(plain(record.attributes)).toEqual({
    "portcullis.seq": 2,
    "portcullis.kind": "decision",
    "portcullis.request_id": "req-1",
    "portcullis.trace_id": traceId,
    "portcullis.decision": "error",
    "portcullis.stage": "upstream",
    "portcullis.code": "upstream.unreachable",
    "portcullis.status": 503,
    "portcullis.tenant": "retail",
  });
  expect(plain(messages[0]?.resourceLogs[0]?.resource.attributes ?? [])).toEqual({
    "service.name": "portcullis",
    "service.version": "1.2.3",
    "service.instance.id": "eu-1",
  });
});

test("what the collector refused is sent again, with the headers of now", async () => {
  wanted = "Bearer new";
  let token = "old";
  await ledger.append(20);
  await open(() => ({ authorization: `Bearer ${token}` }));
  await until("a refusal", () => (feed?.status().failed ?? 0) > 0, PATIENCE_MS);
  expect(feed?.status().lastError).toMatchObject({ code: "otlp.refused" });
  token = "new";
  await until("all lines", () => records().length === ledger.lines.length, PATIENCE_MS);
  expect(records().map(({ body }) => body.stringValue)).toEqual(ledger.lines);
  expect(heads.at(0)?.authorization).toBe("Bearer old");
  expect(heads.at(-1)?.authorization).toBe("Bearer new");
});

test("no OpenTelemetry package is loaded until a sink is made", () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (name.startsWith("@opentelemetry/")) console.log(name);
      return next(name, context);
    } });
    await import(${JSON.stringify(new URL("otlp-sink.ts", import.meta.url).href)});`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  expect(printed).toBe("");
});
