/** Syslog as a receiver gets it: real TLS, frames taken apart by the RFC's grammar. */
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevelopmentCa, type DevelopmentCa } from "../../../test/support/certificates.ts";
import { startSyslogReceiver, type SyslogReceiver } from "../../../test/support/syslog-receiver.ts";
import { until } from "../../../test/support/until.ts";
import { createTestLedger, type TestLedger } from "./ledger-files.test-support.ts";
import { openLineFeed } from "./line-feed.ts";
import type { OutwardPiece } from "./outward-piece.ts";
import { createSyslogSink, type SyslogOptions } from "./syslog-sink.ts";

const PATIENCE_MS = 20_000;
const QUICK = { firstMs: 1, limitMs: 20 };

let ca: DevelopmentCa;
let server: { cert: string; key: string };
let ledger: TestLedger;
let receiver: SyslogReceiver;
let feed: OutwardPiece | undefined;

beforeAll(async () => {
  ca = await createDevelopmentCa();
  server = await certificateOf("server", "127.0.0.1");
});
beforeEach(async () => {
  ledger = await createTestLedger();
  receiver = await startSyslogReceiver(server);
});
afterEach(async () => {
  await feed?.close();
  feed = undefined;
  await receiver.close();
  await ledger.remove();
});

async function certificateOf(
  usage: "server" | "caller",
  address: string,
): Promise<{ cert: string; key: string }> {
  const issued = await ca.issue({ commonName: usage, ipAddresses: [address], usage });
  return { cert: issued.certificatePem, key: issued.keyPem };
}

async function open(options: Partial<SyslogOptions> = {}): Promise<OutwardPiece> {
  feed = await openLineFeed({
    directory: ledger.directory,
    statePath: join(ledger.directory, "syslog.json"),
    checkpointIntervalMs: 0,
    backoff: QUICK,
    sink: createSyslogSink({
      host: "127.0.0.1",
      port: receiver.port,
      hostname: "gateway-1",
      tls: () => ({ ca: ca.certificatePem }),
      ...options,
    }),
  });
  return feed;
}

const messages = (): string[] => receiver.messages.map(({ message }) => message);
const arrived = (count: number) => (): boolean => receiver.messages.length >= count;

describe("a message", () => {
  test("holds the line as it stands, with what a SIEM sorts by", async () => {
    const awkward = String.raw`"kind":"decision","request_id":"a\"]\\b","who":{"tenant":"Zürich"},"decision":"deny","status":403,"stage":"identity","code":"identity.token_expired"`;
    await ledger.append(1, () => awkward);
    await open();
    await until("all lines", arrived(ledger.lines.length), PATIENCE_MS);
    expect(receiver.faults).toEqual([]);
    expect(messages()).toEqual(ledger.lines);
    const entry = receiver.messages[2];
    const line = JSON.parse(ledger.lines[2] ?? "") as { ts: string; seq: number };
    expect(entry).toMatchObject({
      facility: 13,
      severity: 4,
      timestamp: line.ts,
      hostname: "gateway-1",
      appName: "portcullis",
      processId: String(process.pid),
      messageId: "decision",
      hasMark: true,
      structuredData: {
        "portcullis@32473": {
          seq: "2",
          kind: "decision",
          request_id: String.raw`a"]\b`,
          decision: "deny",
          status: "403",
          stage: "identity",
          code: "identity.token_expired",
          tenant: "Zürich",
        },
      },
    });
    expect(receiver.messages[0], "plain ASCII goes without a mark").toMatchObject({
      hasMark: false,
      severity: 6,
    });
  });

  test("of sixty thousand bytes arrives whole", async () => {
    const long = "x".repeat(60_000);
    await ledger.append(20, () => `"kind":"reload","cause":"${long}"`);
    await open();
    await until("all lines", arrived(ledger.lines.length), PATIENCE_MS);
    expect(messages()).toEqual(ledger.lines);
  });
});

describe("the connection", () => {
  test("is made again when the receiver was away, and nothing is lost", async () => {
    await ledger.append(50);
    await open();
    await until("the first lines", arrived(ledger.lines.length), PATIENCE_MS);
    const { port } = receiver;
    await receiver.close();
    await ledger.append(50);
    feed?.checkpoint(ledger.note, ledger.size);
    await until("an attempt that fails", () => (feed?.status().failed ?? 0) > 0, PATIENCE_MS);
    receiver = await startSyslogReceiver(server, port);
    await until(
      "every line",
      () => ledger.lines.slice(-51).every((line) => messages().includes(line)),
      PATIENCE_MS,
    );
    expect(receiver.faults).toEqual([]);
  });

  test("that breaks is made again, and what was sent shortly before comes twice", async () => {
    await ledger.append(5);
    await open();
    await until("the first lines", arrived(ledger.lines.length), PATIENCE_MS);
    for (const socket of receiver.connections) socket.destroy();
    await until("them again", arrived(2 * ledger.lines.length), PATIENCE_MS);
    expect(messages()).toEqual([...ledger.lines, ...ledger.lines]);
    expect(receiver.accepted).toBe(2);
  });

  test("ends in order, and then nothing comes twice", async () => {
    await ledger.append(5);
    const opened = await open();
    await until("the lines", arrived(ledger.lines.length), PATIENCE_MS);
    await opened.close();
    await ledger.append(1);
    await open();
    await until("the new lines", () => messages().at(-1) === ledger.lines.at(-1), PATIENCE_MS);
    expect(messages()).toEqual(ledger.lines);
  });

  test("is refused to a receiver that no authority vouches for", async () => {
    await open({ tls: () => ({}) });
    await until("an attempt that fails", () => (feed?.status().failed ?? 0) > 1, PATIENCE_MS);
    expect(feed?.status().lastError).toMatchObject({ code: "syslog.unreachable" });
    expect(receiver.messages).toEqual([]);
  });

  test("is refused to a receiver of another name", async () => {
    await open({ serverName: "syslog.example" });
    await until("an attempt that fails", () => (feed?.status().failed ?? 0) > 1, PATIENCE_MS);
    expect(receiver.messages).toEqual([]);
  });

  test("shows the gateway's own certificate, and a renewed one after a refusal", async () => {
    await receiver.close();
    receiver = await startSyslogReceiver({
      ...server,
      ca: ca.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
      // So that a refused certificate fails the handshake, not the first message.
      maxVersion: "TLSv1.2",
    });
    const own = await certificateOf("caller", "127.0.0.1");
    let isRenewed = false;
    const trusted = { ca: ca.certificatePem };
    await open({
      tls: () => (isRenewed ? { ...trusted, certificate: own.cert, key: own.key } : trusted),
    });
    await until("an attempt that fails", () => (feed?.status().failed ?? 0) > 1, PATIENCE_MS);
    expect(receiver.messages).toEqual([]);
    isRenewed = true;
    await until("the lines", arrived(ledger.lines.length), PATIENCE_MS);
  });
});
