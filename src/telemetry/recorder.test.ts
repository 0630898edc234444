/** The recorder: one call writes everything, no part costs another, and no planted secret comes out anywhere. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../pipeline/outcome.ts";
import { rejection } from "../pipeline/rejection.ts";
import { contextOf, identityOf } from "../../test/support/context.ts";
import { telemetrySchema } from "./config.ts";
import { createLogger, type Log } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createRecorder, type RecorderSinks } from "./recorder.ts";
import { createTraces, type Traces } from "./traces.ts";

let directory: string;
let sink: Server;
let sent: string;
let log: Log;
let metrics: Metrics;
let traces: Traces;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-recorder-"));
  sent = "";
  sink = createServer(async (request, response) => {
    sent += await text(request);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(sink, "listening");
  log = createLogger({ level: "trace", destination: { path: join(directory, "log") } });
  metrics = createMetrics(telemetrySchema.parse({}).metrics, { version: "1" });
  traces = await createTraces(
    {
      otlp: `http://127.0.0.1:${(sink.address() as AddressInfo).port}/v1/traces`,
      sampling: { ratio: 1, followCaller: false },
      headers: {},
    },
    { version: "1" },
  );
});
afterEach(async () => {
  await log.close();
  metrics.close();
  await traces.close();
  sink.closeAllConnections();
  sink.close();
  rmSync(directory, { recursive: true });
});

async function outputs(): Promise<{ log: string; metrics: string; traces: string }> {
  await log.flush();
  await traces.flush();
  return {
    log: readFileSync(join(directory, "log"), "utf8"),
    metrics: metrics.expose(),
    traces: sent,
  };
}

function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  return {
    context: contextOf({ identity: identityOf() }),
    decision: "deny",
    status: 403,
    stage: "authorization",
    code: "authorization.no_grant",
    cause: undefined,
    latencyMs: 2,
    upstreamMs: undefined,
    bytesIn: 0,
    bytesOut: 1,
    shadows: [],
    broken: [],
    ...changes,
  };
}

describe("one call", () => {
  test("writes log line, metric and span, each naming stage and code", async () => {
    createRecorder({ log, metrics, traces }).record(outcomeOf());
    const written = await outputs();
    expect(written.log).toContain('"stage":"authorization","code":"authorization.no_grant"');
    expect(written.metrics).toContain('stage="authorization",code="authorization.no_grant"} 1');
    expect(written.traces).toContain(
      '"portcullis.code","value":{"stringValue":"authorization.no_grant"}',
    );
  });

  test("writes a malformed request to log and metrics", async () => {
    createRecorder({ log, metrics }).malformed({
      listener: "public",
      address: "192.0.2.1",
      rejection: rejection("listener.malformed_request"),
    });
    const written = await outputs();
    expect(written.log).toContain('"code":"listener.malformed_request"');
    expect(written.metrics).toContain('{listener="public",code="listener.malformed_request"} 1');
  });

  test("counts requests in flight", async () => {
    const recorder = createRecorder({ log, metrics });
    recorder.inFlight.start();
    expect((await outputs()).metrics).toContain("\nportcullis_requests_in_flight 1\n");
    recorder.inFlight.stop();
    expect((await outputs()).metrics).toContain("\nportcullis_requests_in_flight 0\n");
  });

  test("stops feeding the metrics when closed", async () => {
    const recorder = createRecorder({ log, metrics });
    expect((await outputs()).metrics).toContain("\nportcullis_log_lines_dropped_total 0\n");
    recorder.close();
    expect((await outputs()).metrics).not.toContain("\nportcullis_log_lines_dropped_total 0\n");
  });
});

describe("a part that fails", () => {
  const fail = (): never => {
    throw new Error("password=CANARY");
  };
  test.each<[string, (sinks: RecorderSinks) => RecorderSinks, readonly string[]]>([
    ["log", (sinks) => ({ ...sinks, log: { ...log, access: fail } }), ["metrics", "traces"]],
    [
      "metrics",
      (sinks) => ({ ...sinks, metrics: { ...metrics, record: fail } }),
      ["log", "traces"],
    ],
    [
      "traces",
      (sinks) => ({ ...sinks, traces: { record: fail, exportedSpans: 0, droppedSpans: 0 } }),
      ["log", "metrics"],
    ],
  ])(
    "%s is counted and reported once, and the others still run",
    async (failing, breaking, running) => {
      const recorder = createRecorder(breaking({ log, metrics, traces }));
      for (let i = 0; i < 3; i++) recorder.record(outcomeOf());
      const written = await outputs();
      expect(recorder.failures[failing as "log"]).toBe(3);
      expect(written.metrics).toContain(`portcullis_recorder_failures_total{sink="${failing}"} 3`);
      expect(written.log.match(/could not take an outcome/g)).toHaveLength(1);
      expect(written.log).not.toContain("CANARY");
      const marks = {
        log: '"status":403',
        metrics: "authorization.no_grant",
        traces: "authorization.no_grant",
      };
      for (const sinkName of running)
        expect(written[sinkName as "log"]).toContain(marks[sinkName as "log"]);
    },
  );

  test("even all of them, the log's own error line too, throw nothing", () => {
    const recorder = createRecorder({
      log: { ...log, access: fail, malformed: fail, error: fail },
      metrics: { ...metrics, record: fail, malformed: fail },
      traces: { record: fail, exportedSpans: 0, droppedSpans: 0 },
    });
    recorder.record(outcomeOf());
    recorder.malformed({
      listener: "l",
      address: "a",
      rejection: rejection("listener.malformed_request"),
    });
    expect(recorder.failures).toEqual({ log: 5, metrics: 2, traces: 1 });
  });
});

describe("canaries", () => {
  // Each in a form some place of a request could hold; the mark is what is looked for.
  const MARK = "C4N4RY";
  const SECRETS = {
    token: `eyJhbGciOiJFUzI1NiJ9.${MARK}${MARK}.${MARK}`,
    apiKey: `pck_live_${MARK}`,
    providerKey: `sk-proj-${MARK}${MARK}`,
    awsKey: `AKIA${MARK}${MARK}`,
    bearer: `Bearer ${MARK}`,
    basic: `Basic ${MARK}`,
    password: `password=${MARK}`,
    url: `https://u:${MARK}@h.example/?access_token=${MARK}`,
    email: `${MARK}@bank.example`,
    key: `-----BEGIN PRIVATE KEY-----\n${MARK}\n-----END PRIVATE KEY-----`,
  };

  test.each(Object.entries(SECRETS))("a planted %s comes out nowhere", async (_, secret) => {
    const recorder = createRecorder({ log, metrics, traces });
    const context = contextOf({
      requestId: secret,
      correlationId: secret,
      trace: { traceId: "f".repeat(32), spanId: "1".repeat(16), isSampled: true, state: secret },
      authority: secret,
      path: `/${secret}`,
      query: secret,
      headers: { authorization: secret, cookie: secret, "x-api-key": secret, "user-agent": secret },
      params: { name: secret },
      body: secret,
      identity: identityOf({
        key: secret,
        caller: secret,
        subject: secret,
        tenant: secret,
        issuer: secret,
        credentialId: secret,
        scopes: [secret],
        permissions: [secret],
        groups: [secret],
        roles: [secret],
      }),
      peer: {
        address: "::1",
        port: 1,
        certificate: {
          verified: false,
          verifyError: secret,
          subject: secret,
          issuer: secret,
          serial: secret,
          subjectAltNames: [secret],
          thumbprintSha256: secret,
          chain: [Buffer.from(secret)],
          expiresAtMs: 0,
        },
      },
    });
    recorder.record(
      outcomeOf({
        context,
        cause: `because of ${secret}`,
        broken: [{ stage: "limits", cause: secret }],
      }),
    );
    recorder.record(
      outcomeOf({
        context,
        decision: "error",
        status: 502,
        stage: "upstream",
        code: "upstream.unreachable",
        cause: secret,
      }),
    );
    recorder.malformed({
      listener: "public",
      address: secret,
      rejection: rejection("listener.malformed_request", {
        cause: secret,
        violations: [{ message: secret }],
        headers: ["x", secret],
      }),
    });
    for (const write of ["trace", "debug", "info", "warn", "error", "fatal"] as const) {
      log[write](`text ${secret}`, {
        note: secret,
        nested: [{ deep: secret }],
        password: MARK,
        error: new Error(secret, { cause: new Error(secret) }),
        headers: { authorization: MARK, cookie: `a=${MARK}` },
      });
    }
    const written = await outputs();
    for (const [name, output] of Object.entries(written)) {
      expect(output.length, name).toBeGreaterThan(100);
      expect(output, name).not.toContain(MARK);
    }
  });
});
