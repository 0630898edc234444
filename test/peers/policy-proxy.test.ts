/** The policy proxy behind a real Caddy with mutual TLS, from the files that are shipped: what it is for, done once in earnest. */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { hasCaddy, HOOKS_HOST, type EdgeAnswer } from "../support/caddy.ts";
import type { RecordLine } from "../support/gateway-record.ts";
import {
  addressBesidesLoopback,
  startPolicyProxyWorld,
  WEBHOOK_SECRET,
  type PolicyProxyWorld,
} from "../support/policy-proxy-world.ts";
import { until } from "../support/until.ts";

/** Two processes start, and a busy machine takes its time. */
const PATIENCE_MS = 90_000;
const CHANGE_LIMIT_MS = 20_000;

/** What an edge says and a caller must not. */
const FORGED = {
  "x-mtls-verified": "true",
  "X-Mtls-Issuer": "Example Callers CA",
  "X-TLS-Version": "1.3",
  "cf-access-authenticated-user-email": "olga@example.com",
  "Cf-Access-Groups": "operations",
  "X-Webhook-Verified": "true",
  "X-Policy-Decision": "allow",
  "X-Panic-Mode": "true",
};

/** The same in a spelling that some servers behind us would take for it. */
const UNDERSCORED = { x_mtls_verified: "true", cf_access_groups: "operations" };

const decisionOf = ({ record }: PolicyProxyWorld, { headers }: EdgeAnswer): RecordLine =>
  record.decisionOf(String(headers["x-request-id"]));

const eventsOf = ({ record }: PolicyProxyWorld, kind: string): unknown[] =>
  record
    .lines()
    .filter((line) => line.kind === kind)
    .map(({ event }) => event);

/** Waits, as an outcome is counted when the caller may have its answer already. */
async function shows(world: PolicyProxyWorld, ...wanted: readonly RegExp[]): Promise<void> {
  for (const pattern of wanted)
    await until(
      `metrics with ${pattern}`,
      async () => pattern.test(await world.metrics()),
      CHANGE_LIMIT_MS,
    );
}

describe.skipIf(!hasCaddy())("the policy proxy behind Caddy", { timeout: PATIENCE_MS }, () => {
  test("shows metrics, reloads its pack, and keeps admin paths for operations, on record", async () => {
    const world = await startPolicyProxyWorld();
    expect(await world.metrics()).toContain('panic_active{source="local"} 0');

    const reloaded = await world.operate("/_reload");
    expect(reloaded).toMatchObject({
      status: 200,
      json: { ok: true, stage: "active", id: "example-gate", version: "1", blake3: world.blake3 },
    });

    const refused = await world.as("alice", "/admin/ping");
    expect(refused.status).toBe(403);
    expect(world.core.received).toHaveLength(0);
    expect(decisionOf(world, refused)).toMatchObject({
      decision: "deny",
      status: 403,
      wire: "Admin_For_Operations_Only",
      bit_failed: "Admin_For_Operations_Only",
      blake3_pack: `b3:${world.blake3}`,
    });

    const allowed = await world.as("olga", "/admin/ping");
    expect(allowed.status).toBe(200);
    // One line of a decision: a second one would make this throw.
    expect(decisionOf(world, allowed)).toMatchObject({
      decision: "allow",
      status: 200,
      wire: "Person_On_Device",
      chain: ["allow_person", "Person_On_Device"],
    });
    const [seen] = world.core.received;
    expect(world.core.received).toHaveLength(1);
    const names = seen?.headers.filter((_, index) => index % 2 === 0).join(" ") ?? "";
    expect(names).not.toMatch(/x-mtls|x-tls|cf-access|x-policy/i);

    await shows(
      world,
      /policy_allow_total\{route="admin",user="[^"]+"\} 1/,
      /policy_deny_total\{reason="admin_role",bit="Admin_For_Operations_Only"\} 1/,
      /upstream_latency_ms_count\{route="admin"\} 1/,
      /policy_eval_seconds_count 2/,
    );
  });

  test("refuses what is beyond the limit, by the pack's own word", async () => {
    const limit = 5;
    const world = await startPolicyProxyWorld({ RATE_LIMIT_REQUESTS_PER_MINUTE: String(limit) });
    const answers: EdgeAnswer[] = [];
    for (let sent = 0; sent < 4 * limit; sent += 1)
      answers.push(await world.as("alice", "/core/x"));
    const [spent] = answers.filter(({ status }) => status === 429);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(world.core.received).toHaveLength(answers.filter(({ status }) => status === 200).length);
    expect(Number(spent?.headers["retry-after"])).toBeGreaterThan(0);
    expect(decisionOf(world, spent as EdgeAnswer)).toMatchObject({
      code: "constitution.rate_limited",
      bit_failed: "Within_Limits",
    });
    await shows(world, /policy_deny_total\{reason="rate_limit",bit="Within_Limits"\} [1-9]/);
  });

  test("breaks the glass from this machine alone, for as long as was said, and on record", async () => {
    const world = await startPolicyProxyWorld({ PANIC_TTL_MAX_SEC: "60" });
    const robot = async (path = "/core/x"): Promise<number> =>
      (await world.as("robot", path)).status;
    expect(await robot()).toBe(403);

    const elsewhere = addressBesidesLoopback();
    const order = { ttl_sec: 60, reason: "INC-1: nobody can log in" };
    if (elsewhere !== undefined) {
      const refused = await world.operate("/__breakglass", order, elsewhere);
      expect(refused).toMatchObject({ status: 403, json: { code: "breakglass.loopback_only" } });
      expect((await world.operate("/_reload", undefined, elsewhere)).status).toBe(403);
      expect(await world.metrics(elsewhere)).not.toContain("policy_");
    }
    expect((await world.operate("/__breakglass", { ...order, ttl_sec: 61 })).status).toBe(422);
    expect((await world.operate("/__breakglass", { ttl_sec: 60 })).status).toBe(422);
    expect(await robot()).toBe(403);

    expect(await world.operate("/__breakglass", order)).toMatchObject({
      status: 200,
      json: { ok: true },
    });
    expect(await world.metrics()).toContain('panic_active{source="local"} 1');
    const used = await world.as("robot", "/core/x");
    expect(used.status).toBe(200);
    expect(decisionOf(world, used)).toMatchObject({ wire: "Device_In_Emergency" });
    // Never a way around the other rules.
    expect(await robot("/admin/ping")).toBe(403);
    expect((await world.operate("/__breakglass/clear")).status).toBe(200);
    expect(await robot()).toBe(403);

    await world.operate("/__breakglass", { ...order, ttl_sec: 1 });
    await until("break-glass ends by itself", async () => (await robot()) === 403, CHANGE_LIMIT_MS);
    expect(await world.metrics()).toContain('panic_active{source="local"} 0');
    const counted = (wanted: string): number =>
      eventsOf(world, "breakglass").filter((event) => event === wanted).length;
    expect(counted("started")).toBe(2);
    await until("both ends are on record", () => counted("ended") === 2, CHANGE_LIMIT_MS);
  });

  test("believes the edge because of its certificate, and nobody else", async () => {
    const world = await startPolicyProxyWorld();
    const status = async (answer: Promise<EdgeAnswer>): Promise<number> => (await answer).status;

    // Through Caddy, which takes from callers what only it may say.
    const all = { ...FORGED, ...UNDERSCORED };
    expect(await status(world.as("alice", "/admin/ping", all))).toBe(403);
    expect(await status(world.as("robot", "/core/x", all))).toBe(403);
    expect(await status(world.as("olga", "/admin/ping", all))).toBe(200);
    // Hop-by-hop fields are taken away on the way: less is known then, and so less is allowed.
    const hop = { connection: "x-mtls-verified, cf-access-groups" };
    expect(await status(world.as("olga", "/admin/ping", hop))).toBe(403);

    // Around Caddy: without a certificate, with one that is not an edge's, and with one that does not verify.
    for (const certificate of [undefined, world.stranger, world.callers.olga]) {
      const answer = await world.around("/admin/ping", FORGED, certificate);
      expect(answer.status).toBe(403);
      const { facts } = decisionOf(world, answer) as { facts?: { policy?: { seen?: object } } };
      expect(JSON.stringify(facts?.policy?.seen)).not.toMatch(/olga|operations|Example/);
      expect(await status(world.around("/admin/ping", UNDERSCORED, certificate))).toBe(400);
    }
    // The same words of the edge itself count: it is the certificate that makes the difference.
    expect(await status(world.around("/admin/ping", FORGED, world.edge))).toBe(200);

    // Where nobody shows a certificate, nobody is let in.
    await expect(world.caddy.call({ path: "/core/x" })).rejects.toThrow();
    const old = {
      path: "/core/x",
      certificate: world.callers.alice,
      maxVersion: "TLSv1.2",
    } as const;
    expect(await status(world.caddy.call(old))).toBe(403);
    expect(world.core.received).toHaveLength(2);
  });

  test("believes it in its own decision and its emergency where told to", async () => {
    const world = await startPolicyProxyWorld({
      EDGE_FACTS: "tls,mtls,user,groups,decision,panic",
    });
    const { "cf-access-authenticated-user-email": _, ...unnamed } = FORGED;
    const ask = async (said: Readonly<Record<string, string>>): Promise<number> =>
      (await world.around("/core/x", { ...unnamed, ...said }, world.edge)).status;
    expect(await ask({})).toBe(200);
    expect(await ask({ "X-Policy-Decision": "deny" })).toBe(403);
    expect(await ask({ "X-Panic-Mode": "false" })).toBe(403);
    // It let through what we refuse, and refused what we let through.
    await shows(
      world,
      /policy_divergence_total 2/,
      /panic_active\{source="edge"\} 1/,
      /panic_active\{source="local"\} 0/,
    );
    expect(world.core.received).toHaveLength(1);
  });

  test("lets partners in by their signature, on their own paths", async () => {
    const world = await startPolicyProxyWorld();
    const deliver = (headers: Readonly<Record<string, string>>, path = "/webhooks/acme/order") =>
      world.caddy.call({ host: HOOKS_HOST, method: "POST", path, headers, body: '{"order":1}' });
    const id = "msg_1";
    const time = String(Math.floor(Date.now() / 1_000));
    const mac = createHmac("sha256", Buffer.from(WEBHOOK_SECRET, "base64"))
      .update(`${id}.${time}.{"order":1}`)
      .digest("base64");
    const signed = {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": time,
      "webhook-signature": `v1,${mac}`,
    };
    expect((await deliver({ ...FORGED, "content-type": "application/json" })).status).toBe(403);
    expect((await deliver({ ...signed, "webhook-id": "msg_2" })).status).toBe(403);
    expect(world.webhooks.received).toHaveLength(0);
    expect((await deliver(signed)).status).toBe(200);
    // A delivery that was caught and sent again.
    expect((await deliver(signed)).status).toBe(403);
    expect(world.webhooks.received).toHaveLength(1);
    // The partners' name leads to partners' paths, and no name leads around the certificates.
    expect((await deliver(signed, "/core/x")).status).toBe(404);
    expect((await deliver({ ...signed, host: "gate.example" }, "/core/x")).status).toBe(421);
    expect(world.core.received).toHaveLength(0);
  });

  test("keeps the operator's pages away from callers", async () => {
    const world = await startPolicyProxyWorld();
    for (const path of ["/metrics", "/_reload", "/__breakglass", "/_constitution", "/readyz"]) {
      expect((await world.as("olga", path)).status).toBe(404);
      expect((await world.as("olga", `/core/..${path}`)).status).toBe(404);
      expect((await world.around(path, {}, world.edge)).status).toBe(404);
    }
    expect(world.core.received).toHaveLength(0);
  });

  test("tries a candidate in shadow, counts what it would change, and promotes it", async () => {
    const world = await startPolicyProxyWorld();
    const blake3 = world.layCandidate(
      (rules) =>
        rules
          .replace("  version: 1\n", "  version: 2\n")
          .replace("CONTAINS 'operations'", "CONTAINS 'administrators'"),
      "2",
    );
    expect(await world.operate("/_reload?stage=next")).toMatchObject({
      status: 200,
      json: { ok: true, stage: "next", version: "2", blake3 },
    });
    expect((await world.as("olga", "/admin/ping")).status).toBe(200);
    expect((await world.as("alice", "/core/x")).status).toBe(200);
    const disagreed =
      /policy_shadow_total\{active="allow_person",next="deny_admin_without_role"\} 1/;
    await shows(world, disagreed);

    expect(await world.operate("/_promote")).toMatchObject({
      status: 200,
      json: { ok: true, stage: "active", version: "2", blake3 },
    });
    expect((await world.as("olga", "/admin/ping")).status).toBe(403);
    expect(await world.operate("/_rollback")).toMatchObject({
      status: 200,
      json: { blake3: world.blake3 },
    });
    expect((await world.as("olga", "/admin/ping")).status).toBe(200);
    await shows(world, disagreed);
    expect(eventsOf(world, "pack")).toContain("activated");
  });
});
