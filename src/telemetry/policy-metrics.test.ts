/** The metrics of a constitution: what each decision adds, and that no user can be read out of them. */
import { describe, expect, test } from "vitest";
import { contextOf, NOON_MS } from "../../test/support/context.ts";
import type { AuthenticatedIdentity, Governed } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import { telemetrySchema } from "./config.ts";
import { createMetrics } from "./metrics.ts";

const IDENTITY: AuthenticatedIdentity = {
  method: "jwt",
  key: "jwt:bank:alice",
  caller: "app",
  subject: "alice",
  tenant: undefined,
  issuer: "bank",
  credentialId: undefined,
  scopes: new Set(),
  permissions: new Set(),
  groups: new Set(),
  roles: new Set(),
  tier: undefined,
  expiresAtMs: undefined,
};

const ALLOWED: Governed = {
  pack: { id: "p", version: "1", blake3: "0".repeat(64) },
  stage: "active",
  effect: "allow",
  output: "allow_standard",
  reason: "standard",
  wire: "W_Standard",
  bitFailed: undefined,
  bitValue: undefined,
  chain: ["allow_standard", "W_Standard"],
  evaluationSeconds: 0.000_002,
  isPanic: false,
  seen: {},
};

function outcomeOf(governed: Governed, changes: Partial<Outcome> = {}): Outcome {
  const facts = { identity: IDENTITY, constitution: governed };
  return {
    context: { ...contextOf(), facts },
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    cause: undefined,
    latencyMs: 12,
    upstreamMs: 11,
    bytesIn: 1,
    bytesOut: 1,
    shadows: [],
    broken: [],
    ...changes,
  };
}

const REFUSED = {
  decision: "deny",
  stage: "constitution",
  code: "constitution.rate_limited",
} as const;

describe("the metrics of a constitution", () => {
  const options = { version: "0", nowMs: () => now };
  const settings = telemetrySchema.parse({}).metrics;
  let now = NOON_MS;

  test("count allows by hashed user, denies by reason and bit, and time both", () => {
    let isPanic = false;
    const metrics = createMetrics(settings, options);
    metrics.governed({ isPanic: () => isPanic, nowMs: () => now });
    metrics.record(outcomeOf(ALLOWED));
    const denied: Governed = {
      ...ALLOWED,
      effect: "deny",
      output: "deny_rate",
      reason: "rate_limit",
      bitFailed: "P_Rate",
      bitValue: "false",
    };
    metrics.record(outcomeOf(denied, REFUSED));
    const text = metrics.expose();
    const { id } = contextOf().route;
    expect(text).toMatch(new RegExp(`policy_allow_total\\{route="${id}",user="[0-9a-f]{2}"\\} 1`));
    expect(text).not.toContain("alice");
    expect(text).toContain('policy_deny_total{reason="rate_limit",bit="P_Rate"} 1');
    expect(text).toContain("policy_eval_seconds_count 2");
    expect(text).toContain('policy_eval_seconds_bucket{le="0.0000025"} 2');
    expect(text).toContain(`upstream_latency_ms_count{route="${id}"} 2`);
    expect(text).toContain('panic_active{source="local"} 0');
    isPanic = true;
    expect(metrics.expose()).toContain('panic_active{source="local"} 1');
    metrics.close();
  });

  test("count users that only an edge names by their hash too", () => {
    const metrics = createMetrics(settings, options);
    metrics.governed({ isPanic: () => false, nowMs: () => now });
    const governed = { ...ALLOWED, seen: { "user.id": "ana@example.org" } };
    const outcome = outcomeOf(governed);
    const facts = {
      identity: { method: "anonymous", key: "address:::1" },
      constitution: governed,
    } as const;
    metrics.record({ ...outcome, context: { ...outcome.context, facts } });
    expect(metrics.expose()).toMatch(/policy_allow_total\{route="[^"]+",user="[0-9a-f]{2}"\} 1/);
    expect(metrics.expose()).not.toContain("ana@");
    metrics.close();
  });

  test("show an edge's panic for a minute", () => {
    const metrics = createMetrics(settings, options);
    metrics.governed({ isPanic: () => false, nowMs: () => now });
    expect(metrics.expose()).toContain('panic_active{source="edge"} 0');
    metrics.record(outcomeOf({ ...ALLOWED, isPanic: true }));
    expect(metrics.expose()).toContain('panic_active{source="edge"} 1');
    now += 60_000;
    expect(metrics.expose()).toContain('panic_active{source="edge"} 0');
    metrics.close();
  });

  test("count what the candidate and the edge would have decided otherwise", () => {
    const metrics = createMetrics(settings, options);
    metrics.governed({ isPanic: () => false, nowMs: () => now });
    const { pack } = ALLOWED;
    const agrees = { pack, output: "allow_standard", effect: "allow" } as const;
    const differs = { pack, output: "deny_new", effect: "deny" } as const;
    metrics.record(outcomeOf({ ...ALLOWED, shadow: agrees }));
    metrics.record(outcomeOf({ ...ALLOWED, shadow: differs }));
    const edge = { decision: "deny", pack: "p" };
    const diverged = { ...REFUSED, code: "constitution.edge_diverged" } as const;
    metrics.record(outcomeOf({ ...ALLOWED, edge }, diverged));
    const text = metrics.expose();
    expect(text).toContain('policy_shadow_total{active="allow_standard",next="deny_new"} 1');
    expect(text).not.toContain('next="allow_standard"');
    expect(text).toContain("policy_divergence_total 1");
    expect(text).toContain('policy_deny_total{reason="edge_diverged",bit=""} 1');
    metrics.close();
  });

  test("are not there without a constitution", () => {
    const metrics = createMetrics(settings, options);
    metrics.record(outcomeOf(ALLOWED));
    expect(metrics.expose()).not.toContain("policy_");
    metrics.close();
  });
});
