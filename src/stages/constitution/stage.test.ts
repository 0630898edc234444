/** The stage through the real runner: signed packs, real limits, real deliveries. */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  FrozenClock,
  identityOf,
  NOON_MS,
  peerOf,
  routeOf,
  unmatchedRouteOf,
} from "../../../test/support/context.ts";
import { CanaryDraw } from "../../packs/life/canary-share.ts";
import { ShadowCounts } from "../../packs/life/shadow-counts.ts";
import { createPackKey, readPublicKey } from "../../packs/sign/keys.ts";
import { verifyResponse } from "../../packs/sign/response-signature.ts";
import { rejection } from "../../pipeline/rejection.ts";
import { headerValue } from "../../pipeline/response.ts";
import { keptPack, rulesOf, servingOf } from "./packs.test-support.ts";
import { limitsStep, runsOf, type RunScript } from "./stage-runs.test-support.ts";

const packsOf = (...rows: Parameters<typeof rulesOf>[0]) => servingOf(keptPack(rulesOf(rows)));

const TENANT = packsOf(["allow_retail", "context.tenant == 'retail'"]);
const OPEN = packsOf(["allow_all", "context.req.method == 'POST'"]);
const RATED = packsOf(
  ["deny_rate_limit", "context.rate.ok != true", "HTTP 429 + LogLine(reason: rate_limit)"],
  ["allow_all", "context.req.method == 'POST'"],
);
const SPENT = rejection("limits.quota_exhausted", {
  cause: "spent",
  headers: ["x-ratelimit-remaining", "0"],
  retryAfterSeconds: 77,
});

const run = async (script: RunScript, input = {}) => (await runsOf(script)).call(input);

describe("what the pack says", () => {
  test("allow: the request goes on, and the fact names pack and wire", async () => {
    const { outcome, isForwarded, governed } = await run({
      packs: TENANT,
      identity: identityOf({ tenant: "retail" }),
    });
    expect(outcome).toMatchObject({ decision: "allow", stage: "upstream", code: "ok" });
    expect(isForwarded).toBe(true);
    expect(governed).toMatchObject({
      pack: { id: "test-pack", version: "1" },
      stage: "active",
      effect: "allow",
      output: "allow_retail",
      reason: "retail",
      wire: "W_allow_retail",
      bitFailed: undefined,
      isPanic: false,
      seen: {},
    });
    expect(governed?.evaluationSeconds).toBeGreaterThanOrEqual(0);
  });

  test("deny: 403, nothing is forwarded, and the caller is told no rule", async () => {
    const packs = packsOf(
      [
        "deny_wholesale",
        "context.tenant == 'wholesale'",
        "HTTP 403 + LogLine(reason: wrong_tenant)",
      ],
      ["allow_all", "context.req.method == 'POST'"],
    );
    const { outcome, answer, isForwarded, governed } = await run({
      packs,
      identity: identityOf({ tenant: "wholesale" }),
    });
    expect(outcome).toMatchObject({
      decision: "deny",
      stage: "constitution",
      code: "constitution.denied",
      status: 403,
      cause: "pack test-pack 1: deny_wholesale by W_deny_wholesale",
    });
    expect(isForwarded).toBe(false);
    expect(governed).toMatchObject({ effect: "deny", reason: "wrong_tenant" });
    expect(JSON.stringify(answer.headers) + String(answer.body)).not.toMatch(
      /wholesale|test-pack|wrong_tenant|W_|P_/,
    );
  });

  test("nothing fires: denied by default, with the bit that failed, and told like any other", async () => {
    const { outcome, body, governed } = await run({
      packs: TENANT,
      identity: identityOf({ tenant: "wholesale" }),
    });
    expect(outcome).toMatchObject({ code: "constitution.default_deny", status: 403 });
    expect(outcome.cause).toContain("P_allow_retail is false");
    expect(body.error?.details.reason).toBe("constitution.denied");
    expect(governed).toMatchObject({ bitFailed: "P_allow_retail", bitValue: "false" });
  });

  test("a field that is not there is told from one that is wrong", async () => {
    const { outcome, governed } = await run({ packs: TENANT, identity: ANONYMOUS });
    expect(governed).toMatchObject({ output: "default_deny", bitValue: "undefined" });
    expect(outcome.cause).toContain("P_allow_retail is undefined");
  });

  test("429: with a second to wait when no limit knows better", async () => {
    const { outcome, answer, governed } = await run({ packs: RATED });
    expect(outcome).toMatchObject({ code: "constitution.rate_limited", status: 429 });
    expect(headerValue(answer.headers, "retry-after")).toBe("1");
    expect(governed).toMatchObject({ reason: "rate_limit" });
  });

  test("in shadow: what it would have said is recorded, and the request goes on", async () => {
    const { outcome, isForwarded, governed } = await run({ packs: TENANT, mode: "shadow" });
    expect(isForwarded).toBe(true);
    expect(outcome.shadows).toEqual([{ stage: "constitution", code: "constitution.default_deny" }]);
    expect(governed).toMatchObject({ output: "default_deny" });
  });

  test("a pack whose time is over allows nothing, also where a broken stage is let pass", async () => {
    const release = `release:\n  name: p\n  version: 1\n  not_before: 2026-11-22T00:00:00Z\n  expires: 2026-11-22T12:00:10Z\n`;
    const packs = servingOf(
      keptPack(rulesOf([["allow_all", "context.req.method == 'POST'"]], release)),
    );
    const { call, clock } = await runsOf({ packs });
    expect((await call()).isForwarded).toBe(true);
    clock.advance(10_000);
    const { outcome, isForwarded, governed, body, answer } = await call();
    expect(isForwarded).toBe(false);
    expect(outcome).toMatchObject({ code: "constitution.pack_expired", status: 503 });
    expect(outcome.cause).toBe("pack test-pack 1 has expired");
    expect(body.error?.details.reason).toBe("constitution.pack_expired");
    expect(headerValue(answer.headers, "retry-after")).toBe("1");
    expect(governed).toMatchObject({ effect: "deny", reason: "pack_expired", wire: undefined });
  });

  test("a path that matches nothing is not its concern; every route with an upstream is", async () => {
    const { stage } = await runsOf({ packs: OPEN });
    expect(stage.bind(unmatchedRouteOf())).toBeNull();
    expect(stage.bind(routeOf({ id: "any" }))).toHaveProperty("onHead");
  });
});

describe("limits that leave their refusal", () => {
  const facts = { limits: { states: [], refusal: SPENT } };

  test("are answered as the pack says, in the limits' own time", async () => {
    const { outcome, answer, governed } = await run({ packs: RATED, facts });
    expect(outcome).toMatchObject({ stage: "constitution", code: "constitution.rate_limited" });
    expect(headerValue(answer.headers, "retry-after")).toBe("77");
    expect(headerValue(answer.headers, "x-ratelimit-remaining")).toBe("0");
    expect(governed).toMatchObject({
      output: "deny_rate_limit",
      seen: { "rate.ok": false, "rate.code": "limits.quota_exhausted" },
    });
  });

  test("are overruled by a pack that looks at them and allows", async () => {
    const packs = packsOf([
      "allow_any_rate",
      "context.rate.ok == true OR context.rate.ok == false",
    ]);
    const { isForwarded, governed } = await run({ packs, facts });
    expect(isForwarded).toBe(true);
    expect(governed).toMatchObject({ effect: "allow", seen: { "rate.ok": false } });
  });

  test("hold where the pack does not look at them, whatever it says", async () => {
    for (const packs of [OPEN, TENANT]) {
      const { outcome, answer, isForwarded } = await run({ packs, facts });
      expect(isForwarded).toBe(false);
      expect(outcome).toMatchObject({ code: "limits.quota_exhausted", status: 429 });
      expect(headerValue(answer.headers, "retry-after")).toBe("77");
    }
  });

  test("are told by the real stage, which counts nothing then and still writes its headers", async () => {
    const section = { default: { quota: { day: 1 } } };
    const { call } = await runsOf({
      packs: RATED,
      before: [limitsStep(section, { isLeft: true })],
    });
    expect((await call()).outcome.code).toBe("ok");
    const { outcome, answer, governed } = await call();
    expect(outcome).toMatchObject({ stage: "constitution", code: "constitution.rate_limited" });
    expect(headerValue(answer.headers, "retry-after")).toBe("43200");
    expect(headerValue(answer.headers, "x-ratelimit-remaining")).toBe("0");
    expect(answer.headers.filter((name) => name === "ratelimit")).toHaveLength(1);
    expect(governed?.seen).toEqual({ "rate.ok": false, "rate.code": "limits.quota_exhausted" });
    expect(outcome.context.facts.limits?.states).toEqual([
      {
        name: "default-day",
        kind: "day",
        unit: "requests",
        limit: 1,
        remaining: 0,
        resetSeconds: 43_200,
      },
    ]);
  });

  test("a pack that lets excess pass spends nothing and says where the caller stands", async () => {
    const packs = packsOf([
      "allow_any_rate",
      "context.rate.ok == true OR context.rate.ok == false",
    ]);
    const clock = new FrozenClock();
    const limits = limitsStep({ default: { rate: "1/10s", burst: 1 } }, { isLeft: true }, clock);
    const { call } = await runsOf({ packs, before: [limits] });
    for (let i = 0; i < 3; i++) await call();
    const { isForwarded, answer } = await call();
    expect(isForwarded).toBe(true);
    expect(headerValue(answer.headers, "ratelimit")).toBe('"default";r=0;t=10');
    clock.advance(10_000);
    expect((await call()).governed?.seen).toEqual({ "rate.ok": true });
  });

  test("limits in shadow refuse nothing, and nothing by way of the pack either", async () => {
    const section = { default: { quota: { day: 1 } } };
    const limits = limitsStep(section, { isLeft: false, mode: "shadow" });
    const { call } = await runsOf({ packs: RATED, before: [limits] });
    await call();
    const { outcome, isForwarded, governed } = await call();
    expect(isForwarded).toBe(true);
    expect(outcome.shadows).toEqual([{ stage: "limits", code: "limits.quota_exhausted" }]);
    expect(governed?.seen).toEqual({ "rate.ok": true });
  });

  test("a tier stated to be unlimited is within its limits", async () => {
    const limits = limitsStep({ default: { unlimited: true } }, { isLeft: true });
    const { governed } = await run({ packs: RATED, before: [limits] });
    expect(governed).toMatchObject({ effect: "allow", seen: { "rate.ok": true } });
  });
});

describe("a candidate", () => {
  const active = keptPack(rulesOf([["allow_all", "context.req.method == 'POST'"]]));
  const next = keptPack(rulesOf([["allow_retail", "context.tenant == 'retail'"]]), "2");
  const counts = () => new ShadowCounts(active.loaded, next.loaded, NOON_MS);

  test("in shadow decides nothing and is on record", async () => {
    const packs = servingOf(active, {
      kept: next,
      stage: "next",
      draw: undefined,
      counts: counts(),
    });
    const { isForwarded, governed } = await run({ packs, identity: ANONYMOUS });
    expect(isForwarded).toBe(true);
    expect(governed).toMatchObject({
      stage: "active",
      effect: "allow",
      shadow: { pack: { version: "2" }, output: "default_deny", effect: "deny" },
    });
  });

  test("as canary decides for the groups it is for, an edge's among them", async () => {
    const draw = new CanaryDraw({ groups: ["pilots"] }, next.loaded.blake3);
    const packs = servingOf(active, { kept: next, stage: "canary", draw, counts: counts() });
    const pilot = identityOf({ tenant: "wholesale", groups: ["pilots"] });
    const { outcome, governed } = await run({ packs, identity: pilot });
    expect(governed).toMatchObject({ stage: "canary", pack: { version: "2" } });
    expect(outcome.cause).toContain("canary pack test-pack 2");
    expect((await run({ packs, identity: identityOf() })).governed).toMatchObject({
      stage: "active",
    });
  });

  test("that does not look at the limits lets them hold, where the active pack would overrule them", async () => {
    const overruling = keptPack(
      rulesOf([["allow_any_rate", "context.rate.ok == true OR context.rate.ok == false"]]),
    );
    const draw = new CanaryDraw({ routes: ["churn.v2.predict"] }, active.loaded.blake3);
    const packs = servingOf(overruling, {
      kept: active,
      stage: "canary",
      draw,
      counts: new ShadowCounts(overruling.loaded, active.loaded, NOON_MS),
    });
    const facts = { limits: { states: [], refusal: SPENT } };
    expect((await run({ packs, facts })).outcome.code).toBe("limits.quota_exhausted");
  });
});

describe("break-glass", () => {
  const packs = packsOf(["allow_emergency", "system.panic_mode == true"]);
  const glass = (isOn: boolean) => {
    const uses: number[] = [];
    return { uses, breakGlass: { isActive: () => isOn, used: () => uses.push(1) } };
  };

  test("is a fact for the pack, recorded and told of at each use", async () => {
    const { uses, breakGlass } = glass(true);
    const { isForwarded, governed } = await run({ packs, breakGlass });
    expect(isForwarded).toBe(true);
    expect(governed).toMatchObject({ isPanic: true, effect: "allow" });
    expect(uses).toEqual([1]);
  });

  test("off is off", async () => {
    const { uses, breakGlass } = glass(false);
    expect((await run({ packs, breakGlass })).isForwarded).toBe(false);
    expect(uses).toEqual([]);
  });

  test("is used by nobody under a pack that does not look at it", async () => {
    const { uses, breakGlass } = glass(true);
    expect((await run({ packs: OPEN, breakGlass })).governed).toMatchObject({ isPanic: true });
    expect(uses).toEqual([]);
  });

  test("is no way around a refusal of another stage", async () => {
    const { breakGlass } = glass(true);
    const before = [
      {
        stage: "authorization" as const,
        mode: "enforce" as const,
        whenBroken: "reject" as const,
        handlers: {
          onHead: () => ({
            verdict: "reject" as const,
            rejection: rejection("authorization.no_grant"),
          }),
        },
      },
    ];
    expect((await run({ packs, breakGlass, before })).outcome.code).toBe("authorization.no_grant");
  });
});

describe("an edge that decided for itself", () => {
  const section = {
    edge: { peers: [{ san: "DNS:edge.internal" }], facts: ["decision", "tls", "user"] },
  };
  const peer = peerOf({
    tls: { version: "TLSv1.3", cipher: "x" },
    certificate: {
      verified: true,
      subject: "CN=edge",
      issuer: "CN=ca",
      serial: "1",
      subjectAltNames: ["DNS:edge.internal"],
      thumbprintSha256: "t",
      chain: [],
      expiresAtMs: NOON_MS + 1_000_000,
    },
  });
  const told = (decision: string, from = peer) => ({
    peer: from,
    headers: { "x-policy-decision": decision, "x-policy-pack": "edge-pack@3" },
  });

  test("and agrees lets the request go on", async () => {
    const { outcome, governed } = await run({ packs: OPEN, section }, told("allow"));
    expect(outcome.code).toBe("ok");
    expect(governed?.edge).toBeUndefined();
    expect(governed?.seen).toMatchObject({
      edge: true,
      "edge.decision": "allow",
      "edge.pack": "edge-pack@3",
    });
  });

  test.each([
    { name: "denied what we allow", packs: OPEN, decision: "deny" },
    { name: "allowed what we deny", packs: TENANT, decision: "allow" },
    { name: "said something else", packs: OPEN, decision: "maybe" },
  ])("and $name: denied, with both on record", async ({ packs, decision }) => {
    const { outcome, body, governed, isForwarded } = await run({ packs, section }, told(decision));
    expect(isForwarded).toBe(false);
    expect(outcome).toMatchObject({ code: "constitution.edge_diverged", status: 403 });
    expect(outcome.cause).toContain("the edge decided");
    expect(body.error?.details.reason).toBe("constitution.denied");
    expect(governed?.edge?.decision).toBe(decision === "maybe" ? "unreadable" : decision);
  });

  test("is not asked about a request over its limits", async () => {
    const facts = { limits: { states: [], refusal: SPENT } };
    const { outcome, governed } = await run({ packs: RATED, section, facts }, told("allow"));
    expect(outcome.code).toBe("constitution.rate_limited");
    expect(governed?.edge).toMatchObject({ decision: "allow" });
  });

  test("is nobody without its certificate", async () => {
    const { outcome, governed } = await run({ packs: OPEN, section }, told("deny", peerOf()));
    expect(outcome.code).toBe("ok");
    expect(governed?.seen).toEqual({});
  });

  test("what it says unreadably is named to the operator", async () => {
    const headers = { "x-tls-version": "nine" };
    const { outcome } = await run({ packs: TENANT, section }, { peer, headers });
    expect(outcome.cause).toContain("the edge's x-tls-version cannot be read");
  });
});

describe("a partner's delivery", () => {
  const SECRET = "a-long-enough-shared-secret-0123";
  const script: RunScript = {
    packs: packsOf(["allow_webhook", "context.webhook.verified == true"]),
    section: {
      webhooks: {
        partners: { bank: { scheme: "timestamp.body", secrets: ["env:BANK_HOOK"] } },
      },
    },
    partner: "bank",
    secrets: { "env:BANK_HOOK": SECRET },
  };
  const delivery = (body: string, secret = SECRET, seconds = NOON_MS / 1_000) => {
    const v1 = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
    return { body, headers: { "webhook-signature": `t=${seconds},v1=${v1}` } };
  };

  test("goes on once when its signature holds, and is refused when it comes again", async () => {
    const { call } = await runsOf(script);
    const first = await call(delivery("{}"));
    expect(first.isForwarded).toBe(true);
    expect(first.governed).toMatchObject({ seen: { "webhook.verified": true } });
    const again = await call(delivery("{}"));
    expect(again.outcome).toMatchObject({ code: "constitution.default_deny" });
    expect(again.outcome.cause).toContain("accepted before");
  });

  test("stays known to the stage of the next configuration", async () => {
    const { call, stage } = await runsOf(script);
    await call(delivery("{}"));
    const next = await runsOf({ ...script, previous: stage });
    expect((await next.call(delivery("{}"))).isForwarded).toBe(false);
  });

  test.each([
    { name: "with another body than was signed", input: { ...delivery("{}"), body: '{"a":1}' } },
    {
      name: "signed with another secret",
      input: delivery("{}", "another-secret-that-is-as-long!!"),
    },
    { name: "not signed at all", input: { body: "{}" } },
  ])("$name is denied", async ({ input }) => {
    const { outcome, isForwarded } = await run(script, input);
    expect(isForwarded).toBe(false);
    expect(outcome.code).toBe("constitution.default_deny");
  });

  test("over its limits is not even read, when no pack looks at them", async () => {
    const facts = { limits: { states: [], refusal: SPENT } };
    const { outcome, governed } = await run({ ...script, facts }, delivery("{}"));
    expect(outcome.code).toBe("limits.quota_exhausted");
    expect(governed).toBeUndefined();
  });

  test("over its limits is decided by a pack that looks at them", async () => {
    const packs = packsOf([
      "allow_webhook",
      "context.webhook.verified == true AND (context.rate.ok == true OR context.rate.ok == false)",
    ]);
    const facts = { limits: { states: [], refusal: SPENT } };
    expect((await run({ ...script, packs, facts }, delivery("{}"))).isForwarded).toBe(true);
  });

  test("needs a partner that is configured, and a body that is seen", async () => {
    await expect(runsOf({ ...script, partner: "other" })).rejects.toThrow(/partner other/);
    await expect(runsOf({ ...script, route: { bodyMode: "stream" } })).rejects.toThrow(/streams/);
  });
});

describe("signed answers", () => {
  const { privatePem, publicPem } = createPackKey();
  const script: RunScript = {
    packs: OPEN,
    section: { signAnswers: "env:ANSWER_KEY" },
    secrets: { "env:ANSWER_KEY": privatePem },
  };
  const verified = (
    answer: { status: number; headers: readonly string[] },
    body: string,
    blake3: string,
  ) =>
    verifyResponse({
      requestId: "req-1",
      status: answer.status,
      blake3,
      signature: headerValue(answer.headers, "x-policy-sign") ?? "",
      body: Buffer.from(body),
      keys: [readPublicKey(publicPem)],
    });

  test("can be verified, the upstream's and our own", async () => {
    for (const packs of [OPEN, TENANT]) {
      const { answer, governed } = await run({ ...script, packs });
      const { blake3 } = governed?.pack ?? { blake3: "" };
      expect(verified(answer, String(answer.body), blake3)).toMatch(/^[0-9a-f]{16}$/);
      expect(() => verified(answer, "another body", blake3)).toThrow(/signature/);
    }
  });

  test("that are sent without a body are signed over none", async () => {
    const packs = packsOf(["allow_all", "context.req.method == 'HEAD'"]);
    const { answer, governed } = await run({ ...script, packs }, { method: "HEAD" });
    expect(verified(answer, "", governed?.pack.blake3 ?? "")).toBeDefined();
  });

  test("no pack decided on carry none, nor one that an upstream made up", async () => {
    const forged = { status: 200, headers: ["x-policy-sign", "forged"], body: Buffer.from("ok") };
    const signed = await run({ ...script, upstream: forged });
    expect(signed.answer.headers.filter((name) => name === "x-policy-sign")).toHaveLength(1);
    expect(headerValue(signed.answer.headers, "x-policy-sign")).not.toBe("forged");
    const refusing = {
      stage: "identity" as const,
      mode: "enforce" as const,
      whenBroken: "reject" as const,
      handlers: {
        onHead: () => ({
          verdict: "reject" as const,
          rejection: rejection("identity.credentials_missing", { headers: ["x-policy-sign", "x"] }),
        }),
      },
    };
    const { answer } = await run({ ...script, before: [refusing] });
    expect(headerValue(answer.headers, "x-policy-sign")).toBeUndefined();
  });

  test("need a key of the right kind", async () => {
    const secrets = { "env:ANSWER_KEY": publicPem };
    await expect(runsOf({ ...script, secrets })).rejects.toThrow(/private key/);
  });
});
