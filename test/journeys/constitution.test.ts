/** A gateway under a signed constitution, as its operators and callers see it: what decides, what is on record, what changes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createPackKey, readPublicKey } from "../../src/packs/sign/keys.ts";
import { verifyResponse } from "../../src/packs/sign/response-signature.ts";
import { runCommand } from "../cli/command.ts";
import type { Answer } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import type { Settings } from "../support/gateway-configuration.ts";
import {
  PACK_PRIVATE_PEM,
  PACK_PUBLIC_PEM,
  packYaml,
  signedPack,
  type SignedPack,
} from "../support/pack.ts";
import { until } from "../support/until.ts";

const STAFF = { groups: ["staff"] };
const OPERATIONS = { groups: ["operations"] };
const INTERN = { groups: ["interns"] };

const ONE = signedPack(packYaml(1), "1");
const TWO = signedPack(packYaml(2), "2");

let gateway: TestGateway | undefined;
afterEach(async () => {
  const ended = gateway;
  gateway = undefined;
  await ended?.close();
});

const SECTION: Settings = {
  signature: "file:pack.json",
  rules: "file:policy.yaml",
  form: "pack_json",
  keys: ["file:pack.pem"],
};

const filesOf = ({ signature, yaml }: SignedPack): Record<string, string> => ({
  "pack.json": signature,
  "policy.yaml": yaml,
  "pack.pem": PACK_PUBLIC_PEM,
});

async function start(
  over: Settings = {},
  constitution: Settings = {},
  answerKey = "",
): Promise<TestGateway> {
  gateway = await startGateway({
    files: { ...filesOf(ONE), "answers.pem": answerKey },
    config: { constitution: { ...SECTION, ...constitution }, ...over },
  });
  return gateway;
}

function lay(running: TestGateway, { signature, yaml }: SignedPack, stage = ""): void {
  writeFileSync(join(running.folder, `pack${stage}.json`), signature);
  writeFileSync(join(running.folder, `policy${stage}.yaml`), yaml);
}

const predict = (running: TestGateway, claims: object, version = "v2"): Promise<Answer> =>
  running.call({
    path: `/churn/${version}/predict`,
    headers: running.allowed({ ...claims }),
    body: "{}",
  });

async function operate(
  running: TestGateway,
  path: string,
  body = "",
): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await fetch(`${running.operatorOrigin}${path}`, { method: "POST", body });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const eventsOf = (running: TestGateway, kind: string): unknown[] =>
  running.record
    .lines()
    .filter((line) => line.kind === kind)
    .map(({ event }) => event);

describe("the active pack", () => {
  test("decides over what the gateway proved, and the record says by which of its parts", async () => {
    const running = await start();
    const allowed = await predict(running, STAFF);
    const denied = await predict(running, STAFF, "v1");
    const operations = await predict(running, OPERATIONS, "v1");
    expect([allowed.status, denied.status, operations.status]).toEqual([200, 403, 200]);
    expect(running.upstream.received).toHaveLength(2);
    expect(JSON.parse(denied.text)).toMatchObject({
      error: { code: "PERMISSION_DENIED", details: { reason: "constitution.denied" } },
    });
    expect(denied.text).not.toMatch(/Is_|Newest|deny_/);
    expect(running.record.decisionOf(allowed.requestId)).toMatchObject({
      decision: "allow",
      blake3_pack: `b3:${ONE.blake3}`,
      wire: "Newest_For_Known",
      facts: { policy: { output: "allow_newest" } },
    });
    expect(running.record.decisionOf(denied.requestId)).toMatchObject({
      decision: "deny",
      status: 403,
      stage: "constitution",
      code: "constitution.default_deny",
      bit_failed: "Is_Newest_Model",
      facts: { policy: { output: "default_deny" } },
    });
    const line = await running.lineOf(denied);
    expect(line).toMatchObject({ stage: "constitution", code: "constitution.default_deny" });
    expect(await running.metric("policy_deny_total", { bit: "Is_Newest_Model" })).toBe(1);
    expect(await running.metric("policy_allow_total")).toBe(2);
    expect(eventsOf(running, "pack")).toContain("activated");
  });

  test("says 429 where the limits would have, with their headers, and spends nothing", async () => {
    const running = await start({ limits: { default: { rate: "1/h", burst: 1 } } });
    expect((await predict(running, STAFF)).status).toBe(200);
    const second = await predict(running, STAFF);
    expect(second.status).toBe(429);
    expect(JSON.parse(second.text)).toMatchObject({
      error: { details: { reason: "constitution.rate_limited" } },
    });
    expect(Number(second.headers["retry-after"])).toBeGreaterThan(3_500);
    expect(second.headers["x-ratelimit-remaining"]).toBe("0");
    expect(await running.metric("policy_deny_total", { reason: "rate_limit" })).toBe(1);
    expect(running.upstream.received).toHaveLength(1);
  });

  test("that does not load leaves the gateway unstarted", async () => {
    const forged = { ...ONE, yaml: ONE.yaml.replace("v2", "v1") };
    await expect(
      startGateway({ files: filesOf(forged), config: { constitution: SECTION } }),
    ).rejects.toMatchObject({ code: "pack.hash_mismatch" });
  });
});

describe("what must not serve", () => {
  test("a pack that has expired refuses everything, and readiness says so", async () => {
    const expires = new Date(Date.now() + 3_000).toISOString().replace(/\.\d+Z$/, "Z");
    const release = `release: { name: churn, version: 1, not_before: 2026-01-01T00:00:00Z, expires: ${expires} }\n`;
    const pack = signedPack(packYaml(1).replace("policies:", `${release}policies:`), "1");
    gateway = await startGateway({ files: filesOf(pack), config: { constitution: SECTION } });
    const running = gateway;
    const notReady = async (): Promise<unknown> =>
      ((await (await fetch(`${running.operatorOrigin}/readyz`)).json()) as { notReady: unknown })
        .notReady;
    await until("it has expired", async () => String(await notReady()) === "constitution");
    const refused = await predict(running, STAFF);
    expect(refused.json().error.details.reason).toBe("constitution.pack_expired");
    expect([refused.status, running.upstream.received.length]).toEqual([503, 0]);
    running.expectServerErrors("constitution.pack_expired");
  });

  test("a key that signs answers may not be one that signs packs", async () => {
    await expect(start({}, { signAnswers: "file:answers.pem" }, PACK_PRIVATE_PEM)).rejects.toThrow(
      /constitution\.signAnswers/,
    );
  });

  test("an upstream's own word about a signature never reaches the caller", async () => {
    const running = await start();
    running.upstream.answer((_, response) => {
      response.writeHead(200, { "x-policy-sign": "v1;forged", "content-type": "application/json" });
      response.end("{}");
    });
    const answer = await predict(running, STAFF);
    expect([answer.status, answer.headers["x-policy-sign"]]).toEqual([200, undefined]);
  });

  test("a caller cannot make an edge's field vanish, nor speak for an edge", async () => {
    const running = await start();
    const headers = { ...running.allowed(STAFF), "x-mtls-verified": "true" };
    const path = "/churn/v2/predict";
    const named = { ...headers, connection: "close, x-mtls-verified" };
    expect((await running.call({ path, headers: named, body: "{}" })).status).toBe(400);
    expect((await running.call({ path, headers, body: "{}" })).status).toBe(200);
    const sent = running.upstream.received.at(-1);
    expect(sent?.all("x-mtls-verified")).toEqual([]);
  });
});

describe("the life of a pack", () => {
  test("a candidate is seen in shadow, decides as a canary, is promoted and rolled back", async () => {
    const running = await start({}, { canary: { groups: ["interns"] } });
    lay(running, TWO, ".next");
    expect(await operate(running, "/_reload?stage=next")).toMatchObject({
      status: 200,
      json: { ok: true, stage: "next", id: "churn-access", version: "2", blake3: TWO.blake3 },
    });
    const shadowed = await predict(running, INTERN);
    expect(shadowed.status).toBe(200);
    const labels = { active: "allow_newest", next: "deny_interns" };
    expect(await running.metric("policy_shadow_total", labels)).toBe(1);
    expect(running.record.decisionOf(shadowed.requestId)).toMatchObject({
      blake3_pack: `b3:${ONE.blake3}`,
      facts: { policy: { shadow: { output: "deny_interns" } } },
    });
    expect((await operate(running, "/_reload?stage=canary")).json).toMatchObject({ ok: true });
    const canary = await predict(running, INTERN);
    expect(canary.status).toBe(403);
    expect(running.record.decisionOf(canary.requestId)).toMatchObject({
      blake3_pack: `b3:${TWO.blake3}`,
      facts: { policy: { stage: "canary", output: "deny_interns" } },
    });
    expect((await predict(running, STAFF)).status).toBe(200);
    expect((await operate(running, "/_promote")).json).toMatchObject({ ok: true, version: "2" });
    expect((await predict(running, INTERN)).status).toBe(403);
    expect((await operate(running, "/_rollback")).json).toMatchObject({ ok: true, version: "1" });
    expect((await predict(running, INTERN)).status).toBe(200);
    const events = ["activated", "candidate", "canary", "promoted", "rolled_back"];
    await until("all of it is on record", () =>
      events.every((event) => eventsOf(running, "pack").includes(event)),
    );
  });

  test("a candidate that is forged is refused, and the active pack goes on", async () => {
    const running = await start();
    lay(running, { ...TWO, yaml: TWO.yaml.replace("interns", "externs") }, ".next");
    expect(await operate(running, "/_reload?stage=next")).toMatchObject({
      status: 422,
      json: { ok: false, code: "pack.hash_mismatch" },
    });
    lay(running, { ...ONE, signature: ONE.signature.slice(0, -40) });
    expect(await operate(running, "/_reload")).toMatchObject({ status: 422 });
    expect((await predict(running, STAFF)).status).toBe(200);
    await until(
      "the refusals are on record",
      () => eventsOf(running, "pack").filter((event) => event === "refused").length === 2,
    );
  });

  test("a reload of the configuration keeps candidate and packs", async () => {
    const running = await start();
    lay(running, TWO, ".next");
    await operate(running, "/_reload?stage=next");
    running.configure({ headers: { hsts: { maxAge: "1d" } } });
    await running.portcullis.reload();
    await predict(running, INTERN);
    expect(await running.metric("policy_shadow_total")).toBe(1);
  });
});

test("what other rules would have decided is asked of the record, before anybody signs them", async () => {
  const running = await start();
  const answers = [await predict(running, STAFF), await predict(running, INTERN)];
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toEqual([200, 200]);
  writeFileSync(join(running.folder, "other.yaml"), TWO.yaml);
  const replay = (...more: string[]) =>
    runCommand([
      "ledger",
      "replay",
      running.record.directory,
      "--config",
      running.configPath,
      "--json",
      ...more,
    ]);
  const same = await replay();
  expect([same.code, same.stdout.trim().split("\n")]).toEqual([
    0,
    [expect.stringContaining('"agreed":2')],
  ]);
  const other = await replay("--pack", join(running.folder, "other.yaml"));
  const [difference = "", summary] = other.stdout.trim().split("\n");
  expect(other.code).toBe(1);
  expect(difference).toContain(answers[1]?.requestId);
  expect(difference).toContain("constitution.denied");
  expect(summary).toContain('"agreed":1');
});

describe("break-glass", () => {
  const order = JSON.stringify({ ttl_sec: 60, reason: "the identity provider is down" });

  test("is a fact for the pack, loud while it lasts, and ends when it is cleared", async () => {
    const running = await start({}, { breakGlass: {} });
    expect((await predict(running, STAFF, "v1")).status).toBe(403);
    expect(await operate(running, "/__breakglass", order)).toMatchObject({
      status: 200,
      json: { ok: true },
    });
    const during = await predict(running, STAFF, "v1");
    expect(during.status).toBe(200);
    expect(running.record.decisionOf(during.requestId)).toMatchObject({
      wire: "Anything_In_Emergency",
      facts: { policy: { panic: true } },
    });
    expect(await running.metric("panic_active", { source: "local" })).toBe(1);
    expect(await operate(running, "/__breakglass/clear")).toMatchObject({ status: 200 });
    expect((await predict(running, STAFF, "v1")).status).toBe(403);
    await until("start, use and end are on record", () =>
      ["started", "used", "ended"].every((event) =>
        eventsOf(running, "breakglass").includes(event),
      ),
    );
    await until("it is loud in the log", () =>
      running.logLines().some((line) => JSON.stringify(line).includes("BREAK-GLASS IS ON")),
    );
  });

  test.each([
    ["without a time", { reason: "x" }],
    ["without a reason", { ttl_sec: 60 }],
    ["for too long", { ttl_sec: 901, reason: "x" }],
  ])("%s is refused", async (_, body) => {
    const running = await start({}, { breakGlass: {} });
    const { status, json } = await operate(running, "/__breakglass", JSON.stringify(body));
    expect([status >= 400, json.ok]).toEqual([true, false]);
    expect(await running.metric("panic_active", { source: "local" })).toBe(0);
  });
});

test("answers carry a signature that says which pack let them out", async () => {
  const answerKeys = createPackKey();
  const running = await start({}, { signAnswers: "file:answers.pem" }, answerKeys.privatePem);
  for (const version of ["v2", "v1"]) {
    const { requestId, status, body, headers } = await predict(running, STAFF, version);
    const signature = String(headers["x-policy-sign"]);
    const keys = [readPublicKey(answerKeys.publicPem)];
    const answered = { requestId, status, body, signature, blake3: ONE.blake3, keys };
    expect(() => verifyResponse(answered)).not.toThrow();
    expect(() => verifyResponse({ ...answered, status: 418 })).toThrow();
    expect(() => verifyResponse({ ...answered, blake3: TWO.blake3 })).toThrow();
  }
});
