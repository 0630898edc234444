/** Replay of what a constitution decided: never another answer than the pack itself would have given, and rarely none. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  identityOf,
  NOON_MS,
  peerOf,
  type ContextInput,
} from "../../../test/support/context.ts";
import { layOver, type Settings } from "../../../test/support/gateway-configuration.ts";
import { compilePack } from "../../packs/evaluate/evaluator.ts";
import { readPack } from "../../packs/read/read-pack.ts";
import { rejection } from "../../pipeline/rejection.ts";
import type { EdgeFacts } from "../../stages/constitution/edge-facts.ts";
import { Governance } from "../../stages/constitution/governed.ts";
import { sightsOf } from "../../stages/constitution/pack-context.ts";
import { keptPack, rulesOf, servingOf } from "../../stages/constitution/packs.test-support.ts";
import type { Told } from "../../stages/constitution/told.ts";
import { DecisionLines } from "../journal/decision-line.ts";
import { governedBy } from "./governed-settings.test-support.ts";
import { recordedIdentity, RecordedRequest } from "./replay-context.ts";
import { recordedFields } from "./replay-fields.ts";
import { ReplayPack } from "./replay-pack.ts";
import { readDecision, type RecordedDecision } from "./replay-record.ts";
import { differenceOf } from "./replay-report.ts";
import {
  createTrafficWorld,
  record as recordTraffic,
  trafficOf,
  UNCOUNTED,
  type Recorded,
  type TrafficWorld,
} from "./replay-traffic.test-support.ts";
import { Replay } from "./replay.ts";

const NOW_SECONDS = NOON_MS / 1_000;

/** One request as a pack sees it, and as its record tells of it. */
interface Case {
  readonly input: ContextInput;
  readonly told: Told;
  readonly isHashed: boolean;
}

const ANY_PACK = servingOf(keptPack(rulesOf([["allow_none", "context.req.method == 'NONE'"]])));

function recorded({ input, told, isHashed }: Case): RecordedDecision {
  const context = contextOf(input);
  const sight = sightsOf(context.route)(context, told);
  const verdict = ANY_PACK.decide(sight.fields, NOW_SECONDS, {
    key: "",
    groups: new Set(),
    route: "r",
  });
  const governed = new Governance(verdict, sight, { evaluationSeconds: 0, edge: undefined });
  const lines = new DecisionLines({
    config: "b3:0",
    isHashed,
    isCommitted: false,
    addresses: "none",
    salts: { saltOf: () => ({ id: "s", bytes: Buffer.alloc(32, 1) }) },
  });
  const facts = { ...context.facts, constitution: governed };
  const members = lines.decision({
    context: { ...context, facts },
    decision: "deny",
    status: 403,
    stage: "constitution",
    code: "constitution.default_deny",
    latencyMs: 0,
    upstreamMs: undefined,
    shadows: [],
    broken: [],
    body: undefined,
  });
  const ts = new Date(NOON_MS).toISOString();
  return readDecision({ seq: 0, ts, ...JSON.parse(`{${members}}`) });
}

/** What replay makes of the record, under these rules. */
function replayedBy(rules: string, { input, told, isHashed }: Case) {
  const record = recorded({ input, told, isHashed });
  const request = new RecordedRequest(record);
  const identity = recordedIdentity(record);
  const live = contextOf(input);
  const context = {
    ...live,
    request,
    peer: request.peer,
    facts: {
      ...(identity && { identity }),
      ...(live.facts.limits && { limits: live.facts.limits }),
    },
  };
  const sources = { hasEdge: true, hasPartner: told.webhook !== undefined };
  const fields = recordedFields(record, context, sources);
  const window = { fromSeconds: NOW_SECONDS - 1, toSeconds: NOW_SECONDS };
  return new ReplayPack(readPack(Buffer.from(rules))).decide(fields, record.path, window);
}

/** What the pack itself says of the request. */
function livingBy(rules: string, { input, told }: Case) {
  const context = contextOf(input);
  const sight = sightsOf(context.route)(context, told);
  return compilePack(readPack(Buffer.from(rules))).decide(sight.fields, NOW_SECONDS);
}

const text = fc.constantFrom(
  "alice",
  "retail",
  "webauthn",
  "x",
  "",
  "a".repeat(300),
  "Bearer abcdefghijklmnop",
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const names = fc.subarray(["ops", "pilots", "x"]);

const identities = fc.oneof(
  fc.constant(undefined),
  fc.constant(ANONYMOUS),
  fc
    .record({
      method: fc.constantFrom("jwt" as const, "api_key" as const, "mtls" as const),
      subject: text,
      caller: text,
      tenant: maybe(text),
      groups: names,
      scopes: names,
      authMethod: maybe(text),
      rpId: maybe(text),
      isLegacy: fc.constantFrom(undefined, true as const),
      expiresAtMs: maybe(fc.constantFrom(NOON_MS - 5_000, NOON_MS + 5_000)),
    })
    .map(({ isLegacy, ...rest }) => identityOf({ ...rest, ...(isLegacy && { isLegacy }) })),
);

const edges: fc.Arbitrary<EdgeFacts> = fc
  .record(
    {
      tlsVersion: fc.constantFrom(1.2, 1.3),
      mtlsVerified: fc.boolean(),
      mtlsIssuer: fc.constantFrom("ca", "other"),
      webhookVerified: fc.boolean(),
      userId: fc.constantFrom("alice", "bob@example.bank"),
      groups: names.map((list) => new Set(list)),
      authMethod: fc.constant("webauthn"),
      isPanic: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((facts) => ({ ...facts, unreadable: [] }));

const peers = fc
  .record({
    version: fc.constantFrom("TLSv1.2", "TLSv1.3"),
    certificate: maybe(
      fc.record({
        verified: fc.boolean(),
        issuer: fc.constantFrom("CN=ca", "O=x, CN=other", `CN=${"a".repeat(300)}`),
        expiresAtMs: fc.constantFrom(NOON_MS, NOON_MS + 1),
      }),
    ),
  })
  .map(({ version, certificate }) =>
    peerOf({
      tls: { version, cipher: "x" },
      ...(certificate && {
        certificate: {
          subject: "CN=s",
          serial: "1",
          subjectAltNames: [],
          thumbprintSha256: "t",
          chain: [],
          ...certificate,
        },
      }),
    }),
  );

const paths = fc.constantFrom<[template: string, path: string]>(
  ["/churn/v2/predict", "/churn/v2/predict"],
  ["/admin/**", "/admin/ping"],
  ["/admin/**", "/admin/users/7"],
  ["/people/{id:string}/score", "/people/alice/score"],
  ["/{area:slug}/x", "/admin/x"],
);

const cases: fc.Arbitrary<Case> = fc
  .record({
    identity: identities,
    peer: fc.oneof(fc.constant(peerOf()), peers),
    edge: maybe(edges),
    webhook: fc.constantFrom(
      undefined,
      "verified" as const,
      "refused" as const,
      "unsigned" as const,
    ),
    isPanic: fc.boolean(),
    rate: fc.constantFrom("ok", "refused", "unjudged"),
    origin: maybe(
      fc.constantFrom("https://a.example", "Bearer abcdefghijklmnop", `https://${"a".repeat(300)}`),
    ),
    path: paths,
    model: maybe(fc.constantFrom("churn", "fraud")),
    isHashed: fc.boolean(),
  })
  .map(({ identity, peer, edge, webhook, isPanic, rate, origin, path, model, isHashed }) => ({
    input: {
      ...(identity && { identity }),
      peer,
      path: path[1],
      route: { template: path[0], model },
      headers: origin === undefined ? {} : { origin },
      facts:
        rate === "unjudged"
          ? {}
          : {
              limits: {
                states: [],
                ...(rate === "refused" && { refusal: rejection("limits.bucket_empty") }),
              },
            },
    },
    told: { edge, webhook, isPanic },
    isHashed,
  }));

const BITS = [
  "context.transport.tls_version >= 1.3",
  "context.mtls.verified == true",
  "context.mtls.verified == false",
  "context.mtls.issuer == 'ca'",
  "context.auth.method IN ['webauthn', 'jwt']",
  "context.auth.method == 'anonymous'",
  "context.auth.rp_id == 'x'",
  "context.user.id == 'alice'",
  "context.user.id STARTS_WITH 'a'",
  "'ops' IN context.user.groups",
  "context.user.groups CONTAINS 'pilots'",
  "context.req.path STARTS_WITH '/admin/'",
  "context.req.path STARTS_WITH '/admin/users'",
  "context.req.path == '/admin/ping'",
  "context.req.path != '/other'",
  "context.req.path CONTAINS 'alice'",
  "context.req.path ENDS_WITH 'x'",
  "context.req.method == 'POST'",
  "context.req.model == 'churn'",
  "context.tenant == 'retail'",
  "context.client_id == 'alice'",
  "context.scopes CONTAINS 'x'",
  "context.rate.ok",
  "context.rate.ok == false",
  "context.webhook.verified == true",
  "context.legacy_jwt.valid == true AND now() < context.legacy_jwt.expires_at",
  "context.origin == 'https://a.example'",
  "context.origin STARTS_WITH 'Bearer'",
  "context.auth.method STARTS_WITH 'Bearer'",
  "system.panic_mode",
  `now() >= ${NOW_SECONDS}`,
];

const logic = fc
  .tuple(
    fc.constantFrom(...BITS),
    fc.constantFrom(...BITS),
    fc.constantFrom("", "AND", "OR", "AND NOT", "OR NOT"),
    fc.boolean(),
  )
  .map(([left, right, operator, isNegated]) => {
    const whole = operator === "" ? left : `(${left}) ${operator} (${right})`;
    return isNegated ? `NOT (${whole})` : whole;
  });

const packs = fc
  .uniqueArray(fc.tuple(fc.constantFrom("allow_a", "deny_b", "deny_c", "allow_d"), logic), {
    selector: ([output]) => output,
    minLength: 1,
    maxLength: 4,
  })
  .map((rows) => rulesOf(rows));

describe("a recorded request, by any pack", () => {
  test("comes to what the pack itself would say, or to nothing", () => {
    let known = 0;
    let asked = 0;
    fc.assert(
      fc.property(cases, packs, (one, rules) => {
        const again = replayedBy(rules, one);
        asked++;
        if (again === "unknown") return;
        known++;
        const living = livingBy(rules, one);
        expect({ output: again.output, effect: again.effect, status: again.status }).toEqual({
          output: living.output,
          effect: living.effect,
          status: living.status,
        });
      }),
      { numRuns: 2_000 },
    );
    expect(known / asked).toBeGreaterThan(0.5);
  });

  const plain: Case = {
    input: { identity: identityOf({ tenant: "retail" }), facts: { limits: { states: [] } } },
    told: { edge: undefined, webhook: undefined, isPanic: false },
    isHashed: false,
  };
  const outputOf = (logicText: string, changes: Partial<Case> = {}) => {
    const said = replayedBy(rulesOf([["allow_a", logicText]]), { ...plain, ...changes });
    return said === "unknown" ? said : said.output;
  };

  test.each([
    ["a field that is on record", "context.tenant == 'retail'", "allow_a"],
    ["a path that is its template", "context.req.path == '/churn/v2/predict'", "allow_a"],
    ["limits that were judged", "context.rate.ok", "allow_a"],
    ["an origin that there was not", "context.origin == 'https://a.example'", "default_deny"],
  ])("is decided by %s", (_name, logicText, output) => {
    expect(outputOf(logicText)).toBe(output);
  });

  const below = {
    input: { ...plain.input, route: { template: "/admin/**" }, path: "/admin/ping" },
  };

  test.each([
    ["is not known below a template", "context.req.path == '/admin/ping'", "unknown"],
    [
      "is known by what all below it begin with",
      "context.req.path STARTS_WITH '/admin/'",
      "allow_a",
    ],
    ["cannot be what none below it are", "context.req.path == '/core/x'", "default_deny"],
    [
      "need not be known where another bit decides",
      "context.req.path == '/admin/ping' AND context.tenant == 'wholesale'",
      "default_deny",
    ],
  ])("a path %s", (_name, logicText, output) => {
    expect(outputOf(logicText, below)).toBe(output);
  });

  test("a name that is hidden is not known, one in clear is", () => {
    expect(outputOf("context.client_id == 'core-banking'")).toBe("allow_a");
    expect(outputOf("context.client_id == 'core-banking'", { isHashed: true })).toBe("unknown");
  });
});

describe("traffic under a constitution", () => {
  const REQUESTS = 2_000;
  let world: TrafficWorld;

  beforeAll(() => {
    world = createTrafficWorld();
  });
  afterAll(() => world.close());

  const governed = (rules: string, over: Settings = UNCOUNTED): Settings =>
    governedBy(rules, world, over);

  const recordUnder = async (settings: Settings): Promise<Recorded[]> =>
    recordTraffic(world, await world.read(() => settings), trafficOf(world, REQUESTS));

  const toDecision = ({ members }: Recorded, seq: number): RecordedDecision =>
    readDecision({ seq, ts: new Date().toISOString(), ...JSON.parse(`{${members}}`) });

  /** What would become of each record under the settings; undefined: the same. */
  async function replayUnder(settings: Settings, records: readonly Recorded[]) {
    const replay = await Replay.open(await world.read(() => settings));
    const ends: (string | undefined)[] = [];
    for (const [seq, one] of records.entries()) {
      const decision = toDecision(one, seq);
      ends.push(differenceOf(decision, await replay.decide(decision))?.wouldBe);
    }
    await replay.close();
    return ends;
  }

  const endOf = (one: Recorded): string => {
    const { decision, stage, code } = toDecision(one, 0);
    return decision === "allow" && code === "ok" ? "allow" : `${decision} at ${stage} (${code})`;
  };

  /** Five requests a caller and route. */
  const tight: Settings = { ...UNCOUNTED, limits: { default: { quota: { day: 5 } } } };

  const LENIENT = rulesOf([
    ["deny_other", "context.req.path ENDS_WITH 'rates'"],
    ["allow_known", "context.tenant IN ['retail', 'private']"],
    ["allow_rest", "context.req.method == 'POST' OR context.req.method == 'GET'"],
  ]);
  const STRICT = rulesOf([
    ["deny_rate_limit", "context.rate.ok == false", "HTTP 429 + LogLine(reason: rate_limit)"],
    ["deny_core", "context.req.path STARTS_WITH '/core/' AND context.tenant == 'private'"],
    ["allow_retail", "context.tenant == 'retail' OR context.mtls.verified"],
    ["allow_open", "context.auth.method == 'anonymous'"],
  ]);

  test("agrees with the same configuration on every request, also where the path is not on record", async () => {
    const settings = governed(LENIENT);
    const records = await recordUnder(settings);
    const codes = new Set(records.map((one) => toDecision(one, 0).code));
    expect(codes).toContain("constitution.denied");
    expect(codes).toContain("constitution.default_deny");
    const ends = await replayUnder(settings, records);
    expect(ends.filter((end) => end !== undefined)).toEqual([]);
  });

  test("under another pack comes to what really becomes of it, where the record tells", async () => {
    const records = await recordUnder(governed(LENIENT));
    const strict = governed(STRICT);
    const really = await recordUnder(strict);
    const ends = await replayUnder(strict, records);
    let changed = 0;
    for (const [i, end] of ends.entries()) {
      const [before, after] = [records[i] as Recorded, really[i] as Recorded];
      if (end === undefined) expect(endOf(after), before.members).toBe(endOf(before));
      else if (!end.startsWith("would")) {
        changed++;
        expect(end, before.members).toBe(endOf(after));
      }
    }
    expect(changed).toBeGreaterThan(REQUESTS / 20);
  });

  test("agrees with the same configuration where a partner signs, and bodies are read before the pack decides", async () => {
    const hooked: Settings = {
      ...tight,
      routes: (tight["routes"] as readonly Settings[]).map((route) =>
        route["path"] === "/core/**" ? { ...route, webhook: "bank" } : route,
      ),
    };
    const webhooks = {
      partners: { bank: { scheme: "timestamp.body", secrets: ["file:hook.secret"] } },
    };
    writeFileSync(join(world.folder, "hook.secret"), "a-long-enough-shared-secret-0123", {
      mode: 0o600,
    });
    for (const rules of [LENIENT, STRICT]) {
      const settings = layOver(governed(rules, hooked), { constitution: { webhooks } });
      const records = await recordUnder(settings);
      const decided = records
        .map((one) => toDecision(one, 0))
        .filter(({ route }) => route === "core");
      expect(decided.length).toBeGreaterThan(50);
      const ends = await replayUnder(settings, records);
      expect(ends.filter((end) => end !== undefined)).toEqual([]);
    }
  });

  test("without the constitution those that it refused would pass it", async () => {
    const records = await recordUnder(governed(STRICT));
    const ends = await replayUnder(UNCOUNTED, records);
    const refused = records.map((one) => toDecision(one, 0).stage === "constitution");
    expect(refused.filter(Boolean).length).toBeGreaterThan(100);
    // The method is on record too, and the contract looks at it first.
    const may = new Set([
      "would pass constitution; later stages were not recorded",
      "deny at contract (contract.method_not_allowed)",
    ]);
    for (const [i, was] of refused.entries())
      if (was) expect(may).toContain(ends[i]);
      else expect(ends[i]).toBeUndefined();
  });

  test("what the limits had refused by themselves is for the pack to say, and not made up", async () => {
    const records = await recordUnder(tight);
    const refused = records.map((one) => toDecision(one, 0).stage === "limits");
    expect(refused.filter(Boolean).length).toBeGreaterThan(50);
    const ends = await replayUnder(governed(STRICT, tight), records);
    for (const [i, wasRefused] of refused.entries())
      if (wasRefused) expect(ends[i]).toBe("would pass limits; later stages were not recorded");
  });

  test("what the limits left to the pack is theirs again without it", async () => {
    const records = await recordUnder(governed(STRICT, tight));
    const limited = records.filter(
      (one) => toDecision(one, 0).code === "constitution.rate_limited",
    );
    expect(limited.length).toBeGreaterThan(50);
    const ends = await replayUnder(tight, limited);
    expect(new Set(ends)).toEqual(new Set(["deny at limits (limits.quota_exhausted)"]));
    expect(await replayUnder(governed(STRICT, tight), limited)).toEqual(
      limited.map(() => undefined),
    );
  });
});
