/** What Prometheus sees after good and bad traffic: well-formed metrics, and never a series that a caller made. */
import { spawnSync } from "node:child_process";
import { Agent, request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw-http.ts";

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
if (!hasPromtool)
  console.warn("promtool is not installed: the format of /metrics is not checked by it");

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    config: (upstream) => ({
      upstreams: {
        model: { targets: [upstream] },
        dead: { targets: ["http://127.0.0.1:1"], timeout: "1s", connectTimeout: "500ms" },
      },
      models: { dead: { versions: { v1: { upstream: "dead", protocols: ["predict"] } } } },
      limits: { tiers: { tight: { rate: "1/h", burst: 1 } } },
      stages: { contract: { mode: "shadow" } },
    }),
  });
});
afterAll(() => gateway.close());

/** Something of everything: allowed, refused by several stages, malformed, a bad upstream, a reload. */
async function variedLoad(): Promise<void> {
  const path = "/churn/v2/predict";
  gateway.expectServerErrors("upstream.unreachable");
  const calls = [
    { path, headers: gateway.allowed(), body: "{}" },
    { path },
    { path, headers: gateway.allowed({ tenant_id: "other" }), body: "{}" },
    { path, headers: gateway.allowed(), body: "{" },
    { path, headers: gateway.allowed({ tier: "tight" }), body: "{}" },
    { path, headers: gateway.allowed({ tier: "tight" }), body: "{}" },
    { path: "/nowhere", method: "GET" },
    { path: "/dead/v1/predict", headers: gateway.allowed(), body: "{}" },
  ];
  for (const request of calls) await gateway.call(request);
  await gateway.call(calls[0] ?? { path }, gateway.target("h2", "tls"));
  await sendRaw({ port: gateway.port, bytes: "NONSENSE\r\n\r\n" });
  await gateway.portcullis.reload();
}

describe("the metrics", () => {
  test.skipIf(!hasPromtool)(
    "are clean to `promtool check metrics` after a varied load",
    async () => {
      await variedLoad();
      const text = await gateway.metrics();
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: text,
        encoding: "utf8",
      });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(text.split("\n").length).toBeGreaterThan(100);
    },
  );

  test("count each kind of outcome with the stage and the code that decided", async () => {
    await variedLoad();
    const text = await gateway.metrics();
    for (const [stage, code] of [
      ["upstream", "ok"],
      ["identity", "identity.credentials_missing"],
      ["authorization", "authorization.no_grant"],
      ["limits", "limits.bucket_empty"],
      ["router", "router.not_found"],
      ["upstream", "upstream.unreachable"],
    ])
      expect(text).toMatch(
        new RegExp(`^portcullis_requests_total\\{.*stage="${stage}",code="${code}"\\} [1-9]`, "m"),
      );
    expect(text).toMatch(
      /^portcullis_malformed_requests_total\{.*code="listener.malformed_request"\} [1-9]/m,
    );
    expect(text).toMatch(
      /^portcullis_shadow_verdicts_total\{stage="contract",code="contract.json_malformed"\} [1-9]/m,
    );
  });

  test(
    "have no more series after 10,000 random paths, methods, hosts and names",
    { timeout: 60_000 },
    async () => {
      await variedLoad();
      // A few of the attack's kind first: what is left must be the kinds, not the values.
      await attack(200);
      const before = seriesOf(await gateway.metrics());
      const answered = await attack(10_000);
      const text = await gateway.metrics();
      expect(answered).toBe(10_000);
      expect([...seriesOf(text)].filter((series) => !before.has(series))).toEqual([]);
      expect(text).not.toContain("random");
      expect(await gateway.metric("portcullis_metric_series_overflows_total")).toBe(0);
      expect(
        await gateway.metric("portcullis_requests_total", { route: "unmatched" }),
      ).toBeGreaterThan(2_000);
    },
  );
});

/** Names and labels of every sample, without values. */
const seriesOf = (text: string): ReadonlySet<string> =>
  new Set(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.slice(0, line.lastIndexOf(" "))),
  );

/** Requests that carry a fresh value wherever a caller can put one; resolves to how many were answered. */
async function attack(count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let sent = 0;
  let answered = 0;
  const lane = async (): Promise<void> => {
    while (sent < count) {
      const status = await probe(agent, sent++).catch(() => 0);
      if (status > 0) answered++;
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  agent.destroy();
  return answered;
}

const METHODS = [
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "PROPFIND",
  "MKCOL",
  "REPORT",
  "M-SEARCH",
  "UNLOCK",
  "PATCH",
];

function probe(agent: Agent, i: number): Promise<number> {
  const unique = `random${i.toString(36)}${Math.random().toString(36).slice(2)}`;
  const paths = [
    `/${unique}`,
    `/churn/${unique}/predict`,
    `/v2/models/${unique}`,
    "/churn/v2/predict",
    `/churn/v2/predict?${unique}=1`,
  ];
  return new Promise((done, fail) => {
    const request = httpRequest(
      {
        agent,
        port: gateway.port,
        path: paths[i % paths.length],
        method: METHODS[Math.floor(i / paths.length) % METHODS.length],
        headers: {
          host: `${unique}.example`,
          "x-request-id": unique,
          "user-agent": unique,
          "x-forwarded-for": unique,
          authorization: `Bearer ${unique}.${unique}.${unique}`,
          [`x-${unique}`]: unique,
        },
      },
      (response) => {
        response.resume();
        response.on("end", () => done(response.statusCode ?? 0));
        response.on("error", fail);
      },
    );
    request.on("error", fail);
    request.end();
  });
}
