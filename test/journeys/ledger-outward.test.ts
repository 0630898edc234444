/** What leaves the machine when the configuration says so: every way out of the ledger at once, on a running gateway. */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startStrictStore,
  type StrictStore,
} from "../../src/ledger/outward/strict-store.test-support.ts";
import {
  startStrictWitness,
  type StrictWitness,
} from "../../src/ledger/outward/strict-witness.test-support.ts";
import { createSigningKeyPem, readSigningKey } from "../../src/ledger/signing-key.ts";
import { createDevelopmentCa } from "../support/certificates.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startSyslogReceiver, type SyslogReceiver } from "../support/syslog-receiver.ts";
import { until } from "../support/until.ts";

const pem = createSigningKeyPem();
const { verifierKey } = readSigningKey(pem, "test");

interface Collected {
  readonly bodies: string[];
  readonly keys: Set<string>;
  readonly url: string;
  close(): void;
}

/** Takes whatever an OTLP exporter sends; the protobuf's texts stand in it as they are. */
async function startCollector(): Promise<Collected> {
  const bodies: string[] = [];
  const keys = new Set<string>();
  const server = createServer(async (request, response) => {
    keys.add(String(request.headers["x-key"]));
    const body = await buffer(request);
    const isPacked = request.headers["content-encoding"] === "gzip";
    bodies.push((isPacked ? gunzipSync(body) : body).toString("utf8"));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = (): void => void server.close();
  return { bodies, keys, url: `http://127.0.0.1:${port}/v1/logs`, close };
}

let gateway: TestGateway;
let store: StrictStore;
let witness: StrictWitness;
let syslog: SyslogReceiver;
let collector: Collected;
let requestId = "";

beforeAll(async () => {
  const ca = await createDevelopmentCa();
  const server = await ca.issue({
    commonName: "siem",
    usage: "server",
    ipAddresses: ["127.0.0.1"],
  });
  store = await startStrictStore();
  witness = await startStrictWitness({ logs: new Map([["test", verifierKey]]) });
  syslog = await startSyslogReceiver({ cert: server.certificatePem, key: server.keyPem });
  collector = await startCollector();
  gateway = await startGateway({
    files: { "ledger.key": pem, "siem-ca.crt": ca.certificatePem },
    environment: { STORE_ID: "id", STORE_KEY: "secret", COLLECTOR_KEY: "collector-key" },
    config: {
      ledger: {
        segment: { age: "500ms", compress: true },
        mirror: {
          endpoint: store.url,
          region: "eu-1",
          bucket: "audit",
          accessKeyId: "env:STORE_ID",
          secretAccessKey: "env:STORE_KEY",
          lock: { mode: "compliance", retain: "30d" },
          checkpointInterval: "100ms",
        },
        hook: { program: "/portcullis-no-such-program", checkpointInterval: "100ms" },
        witnesses: {
          interval: "100ms",
          each: { w1: { url: witness.url, keys: [witness.vkey] } },
        },
        syslog: {
          host: "127.0.0.1",
          port: syslog.port,
          ca: "file:siem-ca.crt",
          checkpointInterval: "0s",
        },
        otlp: {
          url: collector.url,
          headers: { "x-key": "env:COLLECTOR_KEY" },
          kinds: ["decision"],
        },
      },
    },
  });
  const path = "/churn/v2/predict";
  ({ requestId } = await gateway.call({ path, headers: gateway.allowed(), body: "{}" }));
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([store.close(), witness.close(), syslog.close()]);
  collector.close();
});

const LONG_MS = 15_000;

test("closed segments are in the object store, whole and locked", async () => {
  const holding = (): { body: Buffer; headers: object } | undefined =>
    [...store.objects]
      .filter(([path]) => path.startsWith("/audit/ledger/") && path.endsWith(".ndjson.gz"))
      .map(([, object]) => object)
      .find(({ body }) => gunzipSync(body).includes(requestId));
  await until("the request's segment is mirrored", () => holding() !== undefined, LONG_MS);
  expect(holding()?.headers).toMatchObject({ "x-amz-object-lock-mode": "COMPLIANCE" });
  expect(store.faults).toEqual([]);
});

test("a witness has cosigned a checkpoint, and the note with its signature is kept", async () => {
  const path = join(gateway.folder, "ledger", "checkpoint.cosigned");
  await until("a note is cosigned", () => existsSync(path), LONG_MS);
  expect(readFileSync(path, "utf8")).toContain("— witness.example/w1 ");
  expect(witness.trees.get("test")?.size).toBeGreaterThan(0);
});

test("the SIEM has the decision, by syslog and by OpenTelemetry", async () => {
  const bySyslog = () => syslog.messages.find(({ message }) => message.includes(requestId));
  await until("syslog has it", () => bySyslog() !== undefined, LONG_MS);
  expect(bySyslog()).toMatchObject({ facility: 13, appName: "test" });
  expect(syslog.faults).toEqual([]);
  const hasIt = (): boolean => collector.bodies.some((body) => body.includes(requestId));
  await until("the collector has it", hasIt, LONG_MS);
  expect([...collector.keys]).toEqual(["collector-key"]);
});

test("a way out that does not work is said in the log, once, and does not stop the others", async () => {
  const said = () => gateway.logLines().filter(({ to }) => to === "hook");
  await until("the log says it", () => said().length > 0, LONG_MS);
  expect(said()).toHaveLength(1);
  expect(String(said()[0]?.["message"])).toContain("portcullis-no-such-program");
});

test("each way out is in the metrics", async () => {
  const text = await gateway.metrics();
  for (const to of ["mirror", "hook", "witnesses", "syslog", "otlp"])
    expect(text).toContain(`portcullis_ledger_outward_pending{to="${to}"}`);
  expect(text).toContain("portcullis_ledger_writing 1");
});

test("GET /ledger finds the request, and proves its line", async () => {
  const found = (await (
    await fetch(`${gateway.operatorOrigin}/ledger?request_id=${requestId}`)
  ).json()) as { lines: { seq: number; kind: string }[] };
  expect(found.lines).toMatchObject([{ kind: "decision", request_id: requestId }]);
  const seq = found.lines[0]?.seq;
  const proof = await fetch(`${gateway.operatorOrigin}/ledger/proof/${seq}`);
  expect(await proof.text()).toMatch(/^c2sp\.org\/tlog-proof@v1\n/);
  const note = await (await fetch(`${gateway.operatorOrigin}/ledger/checkpoint`)).text();
  expect(note.split("\n")[0]).toBe("test");
});
