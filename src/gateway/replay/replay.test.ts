import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { layOver, type Settings } from "../../../test/support/gateway-configuration.ts";
import { createSigningKeyPem, readSigningKey } from "../../ledger/signing-key.ts";
import { EMPTY_STATE, Stream } from "../../ledger/stream.ts";
import { ledgerLines } from "./replay-lines.ts";
import { readDecision, type RecordedDecision } from "./replay-record.ts";
import {
  differenceOf,
  replayAll,
  summaryOf,
  type Difference,
  type ReplayCounts,
} from "./replay-report.ts";
import {
  createTrafficWorld,
  record,
  trafficOf,
  UNCOUNTED,
  type Recorded,
  type TrafficWorld,
} from "./replay-traffic.test-support.ts";
import { Replay } from "./replay.ts";

/** Enough for every stage to decide a hundred times and more; the whole 100,000 take a minute. */
const REQUESTS = Number(process.env["PORTCULLIS_REPLAY_REQUESTS"] ?? 20_000);
const DECISIONS: ReadonlySet<string> = new Set(["decision"]);

let world: TrafficWorld;
let ledger: string;
/** What each line says, read from its JSON by nothing of replay's. */
let lines: Line[];

/** A decision line as any tool reads it. */
interface Line {
  readonly request_id: string;
  readonly who: { readonly method: string };
  readonly path: string;
  readonly method: string;
  readonly decision: string;
  readonly stage: string;
  readonly code: string;
  readonly upstream?: object;
  readonly facts: { readonly grant?: string; readonly scopes?: readonly string[] };
}

beforeAll(async () => {
  world = createTrafficWorld();
  const recorded = await record(world, await world.read(), trafficOf(world, REQUESTS));
  lines = recorded.map(parsed);
  ledger = mkdtempSync(join(tmpdir(), "portcullis-replay-ledger-"));
  writeLedger(ledger, recorded);
}, 300_000);

afterAll(() => {
  world.close();
  rmSync(ledger, { recursive: true, force: true });
});

const parsed = ({ members }: Recorded): Line => JSON.parse(`{${members}}`) as Line;

/** A preflight whose caller was gone: who answered it is not on record. */
const isAnsweredInVain = ({ decision, code, upstream }: Line): boolean =>
  decision === "allow" && code === "listener.caller_gone" && upstream === undefined;

/** The lines as a ledger has them, in one segment. */
function writeLedger(directory: string, recorded: readonly Recorded[]): void {
  const key = readSigningKey(createSigningKeyPem(), "test.example/replay");
  const stream = new Stream(EMPTY_STATE(), { key, sign: "checkpoint", nowUs: nowUsOf() });
  const sealed = recorded.map(({ members }) => stream.seal(members));
  writeFileSync(join(directory, "00000000.ndjson"), Buffer.concat(sealed));
}

/** One millisecond a line, from noon on. */
function nowUsOf(): () => number {
  let nowUs = Date.UTC(2026, 10, 22, 12) * 1_000;
  return () => (nowUs += 1_000);
}

interface Result {
  readonly counts: ReplayCounts;
  readonly differences: readonly Difference[];
}

async function replayed(
  over?: Settings | ((settings: Settings) => Settings),
  directory = ledger,
): Promise<Result> {
  const replay = await Replay.open(await world.read(over));
  const differences: Difference[] = [];
  const counts = await replayAll({
    replay,
    lines: ledgerLines(directory, { kinds: DECISIONS }),
    onDifference: (difference) => differences.push(difference),
  });
  await replay.close();
  return { counts, differences };
}

/** Request ids and what they would come to, for comparing with what a test works out by itself. */
const endsOf = (differences: readonly Difference[]): Map<string, string> =>
  new Map(differences.map(({ requestId, wouldBe }) => [requestId, wouldBe]));

const withGrants = (
  settings: Settings,
  change: (grants: readonly Settings[]) => readonly Settings[],
): Settings => {
  const authorization = settings["authorization"] as Settings;
  const grants = change(authorization["grants"] as readonly Settings[]);
  return { ...settings, authorization: { ...authorization, grants } };
};

describe("recorded traffic", () => {
  test("was decided by every stage, the router, the listener and the upstream", () => {
    const deciders = Map.groupBy(lines, ({ stage }) => stage);
    const stages = new Set(deciders.keys());
    const expected = [
      "authorization",
      "contract",
      "headers",
      "identity",
      "kill-switch",
      "limits",
      "listener",
      "masking",
      "router",
      "sources",
      "upstream",
    ];
    expect(stages).toEqual(new Set(expected));
    for (const [stage, all] of deciders)
      expect(all.length, stage).toBeGreaterThan(REQUESTS / 10_000);
  });
});

describe("replay against the same configuration", () => {
  test("agrees with every recorded decision", async () => {
    const { counts, differences } = await replayed();
    expect(differences.slice(0, 10)).toEqual([]);
    expect(counts).toEqual({
      compared: REQUESTS,
      agreed: REQUESTS,
      changed: 0,
      otherGrant: 0,
      callerHashed: 0,
    });
    expect(summaryOf(counts)).toBe(`0 of ${REQUESTS.toLocaleString("en-US")} would change`);
  });

  test("reads a range of time, and nothing outside of it", async () => {
    const replay = await Replay.open(await world.read());
    const sinceMs = Date.UTC(2026, 10, 22, 12, 0, 1);
    const untilMs = sinceMs + 1_000;
    const range = ledgerLines(ledger, { kinds: DECISIONS, sinceMs, untilMs });
    const counts = await replayAll({ replay, lines: range, onDifference: () => undefined });
    await replay.close();
    expect(counts.compared).toBe(1_000);
  });
});

describe("a record that names its callers by hashes", () => {
  const hashed = async (): Promise<string> => {
    const traffic = trafficOf(world, 2_000);
    const recorded = await record(world, await world.read(), traffic, { isHashed: true });
    const directory = mkdtempSync(join(tmpdir(), "portcullis-replay-hashed-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    writeLedger(directory, recorded);
    return directory;
  };

  test("agrees with the same configuration, and says what was taken as recorded", async () => {
    const { counts, differences } = await replayed(undefined, await hashed());
    expect(differences).toEqual([]);
    expect(counts.agreed).toBe(2_000);
    expect(counts.callerHashed).toBeGreaterThan(500);
    expect(summaryOf(counts)).toMatch(
      /^0 of 2,000 would change; [\d,]+ name their caller by a hash only: authorization was taken as recorded$/,
    );
  });

  test("is still decided by what needs no caller", async () => {
    const directory = await hashed();
    const revoked = { models: { churn: { versions: { v1: { status: "revoked" } } } } };
    const { counts } = await replayed(revoked, directory);
    expect(counts.changed).toBeGreaterThan(100);
  });
});

describe("a decision written before its end was known", () => {
  test("agrees, and is changed by what would have kept it from the upstream", async () => {
    const whole = lines.find(
      ({ decision, facts }) => decision === "allow" && facts.grant === "core-v1",
    );
    const begun = { ...whole, ts: "2026-11-22T12:00:00.000000Z", seq: 0, status: null, code: null };
    const decided = readDecision({ ...begun, stage: "upstream" });
    const ends = [];
    for (const status of ["deprecated", "revoked"]) {
      const over = { models: { churn: { versions: { v1: { status } } } } };
      const replay = await Replay.open(await world.read(over));
      ends.push(differenceOf(decided, await replay.decide(decided))?.wouldBe);
      await replay.close();
    }
    expect(ends).toEqual([undefined, "deny at kill-switch (kill-switch.version_revoked)"]);
  });
});

describe("lines that cannot be replayed", () => {
  test.each<[string, string, string]>([
    ["a changed byte where the fixed members stand", '","seq":', '","sqe":'],
    ["a decision without its request id", '"request_id"', '"request_dd"'],
    ["a decision that is none", '"decision":"allow"', '"decision":"allot"'],
  ])("end the replay: %s", async (_name, text, instead) => {
    const directory = mkdtempSync(join(tmpdir(), "portcullis-replay-damaged-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const whole = readFileSync(join(ledger, "00000000.ndjson"), "latin1");
    writeFileSync(join(directory, "00000000.ndjson"), whole.replace(text, instead), "latin1");
    await expect(replayed(undefined, directory)).rejects.toThrow(/line|not a ledger line/);
  });
});

describe("replay against a changed configuration", () => {
  const NO_GRANT = "deny at authorization (authorization.no_grant)";
  const SCOPE_MISSING = "deny at authorization (authorization.scope_missing)";

  test("without a grant: exactly the calls it allowed alone are refused", async () => {
    const { counts, differences } = await replayed((settings) =>
      withGrants(settings, (grants) => grants.filter(({ name }) => name !== "private-bank")),
    );
    const affected = lines.filter(({ facts }) => facts.grant === "private-bank");
    expect(affected.length).toBeGreaterThan(100);
    // A grant by role is behind it on one model; and nobody is refused there, as that one only shadows.
    const { true: open = [], false: refused = [] } = Object.groupBy(affected, (line) =>
      String(line.path.startsWith("/fraud/") || line.path.includes("/models/fraud/")),
    );
    expect(open.length).toBeGreaterThan(0);
    const byKind = Map.groupBy(differences, ({ kind }) => kind);
    expect(new Set(byKind.get("decision")?.map(({ requestId }) => requestId))).toEqual(
      new Set(refused.map((line) => line.request_id)),
    );
    expect(new Set(byKind.get("grant")?.map(({ requestId }) => requestId))).toEqual(
      new Set(open.map((line) => line.request_id)),
    );
    expect(counts.changed).toBe(refused.length);
    expect(new Set(byKind.get("decision")?.map(({ wouldBe }) => wouldBe))).toEqual(
      new Set([NO_GRANT, SCOPE_MISSING]),
    );
    expect(new Set(differences.map(({ stage }) => stage))).toEqual(new Set(["authorization"]));
  });

  test("without a grant that another stands behind: allowed still, by the other", async () => {
    const { counts, differences } = await replayed((settings) =>
      withGrants(settings, (grants) => grants.filter(({ name }) => name !== "core-v1")),
    );
    const affected = lines.filter(({ facts }) => facts.grant === "core-v1");
    const expected = affected.map(({ request_id: id, facts, ...line }) => {
      const isKept = facts.scopes?.includes("predict:churn");
      const by =
        line.decision === "allow" ? "allow" : `${line.decision} at ${line.stage} (${line.code})`;
      return [id, isKept ? `${by} by grant "core-churn"` : undefined] as const;
    });
    const ends = endsOf(differences);
    for (const [id, end] of expected) if (end !== undefined) expect(ends.get(id)).toBe(end);
    // Who was refused stays refused; only the grant that comes nearest is another, and with it perhaps the code.
    const ids = new Set(expected.map(([id]) => id));
    const others = differences.filter(({ requestId }) => !ids.delete(requestId));
    expect(ids).toEqual(new Set());
    for (const { was, wouldBe } of others)
      expect([was, wouldBe].sort()).toEqual([NO_GRANT, SCOPE_MISSING]);
    expect(counts.otherGrant).toBe(expected.filter(([, end]) => end !== undefined).length);
    expect(counts.otherGrant).toBeGreaterThan(10);
    expect(summaryOf(counts)).toMatch(
      / would change; [\d,]+ more would be allowed by another grant$/,
    );
  });

  test("with a scope added to a route: exactly the callers without it are refused", async () => {
    const { differences } = await replayed((settings) => {
      const routes = settings["routes"] as readonly Settings[];
      const scoped = routes.map((route) =>
        route["path"] === "/core/**" ? { ...route, scopes: ["scoped:read"] } : route,
      );
      return { ...settings, routes: scoped };
    });
    // A route's scopes are asked for before its grants: who had no grant would now be told of the scope.
    const affected = lines.filter(
      ({ path, stage, who, facts }) =>
        path === "/core/**" &&
        who.method !== "none" &&
        !facts.scopes?.includes("scoped:read") &&
        (stage === "authorization" || facts.grant !== undefined),
    );
    const changed = affected.filter(({ code }) => code !== "authorization.scope_missing");
    expect(changed.length).toBeGreaterThan(100);
    expect(endsOf(differences)).toEqual(
      new Map(changed.map((line) => [line.request_id, SCOPE_MISSING])),
    );
  });

  test("with a version revoked: exactly its requests, whatever became of them", async () => {
    const { differences } = await replayed({
      models: { churn: { versions: { v1: { status: "revoked" } } } },
    });
    const affected = lines.filter(
      (line) =>
        ["/churn/v1/", "/v2/models/churn/versions/v1"].some((start) =>
          line.path.startsWith(start),
        ) && !isAnsweredInVain(line),
    );
    expect(affected.length).toBeGreaterThan(100);
    const end = "deny at kill-switch (kill-switch.version_revoked)";
    expect(endsOf(differences)).toEqual(new Map(affected.map((line) => [line.request_id, end])));
    expect(differences.every(({ stage }) => stage === "kill-switch")).toBe(true);
  });

  test("with a version no longer revoked: it would pass, and nothing is made up about the rest", async () => {
    const { differences } = await replayed({
      models: { churn: { versions: { v0: { status: "active", successor: undefined } } } },
    });
    const affected = lines.filter(({ stage }) => stage === "kill-switch");
    const end = "would pass kill-switch; later stages were not recorded";
    expect(endsOf(differences)).toEqual(new Map(affected.map((line) => [line.request_id, end])));
    expect(differences[0]?.was).toBe("deny at kill-switch (kill-switch.version_revoked)");
  });

  test("without a route: its requests find nothing, but those refused before stay refused", async () => {
    const { differences } = await replayed((settings) => ({
      ...settings,
      routes: (settings["routes"] as readonly Settings[]).filter(
        ({ path }) => path !== "/causal/{model:slug}/explain",
      ),
    }));
    const affected = lines
      .filter(
        ({ path, stage }) =>
          path === "/causal/{model:slug}/explain" && stage !== "headers" && stage !== "sources",
      )
      .filter((line) => !isAnsweredInVain(line));
    expect(affected.length).toBeGreaterThan(100);
    expect(endsOf(differences)).toEqual(
      new Map(affected.map((line) => [line.request_id, "deny at router (router.not_found)"])),
    );
  });

  test("with a grant added: refusals would pass, and no further", async () => {
    const { differences } = await replayed((settings) =>
      withGrants(settings, (grants) => [
        ...grants,
        { name: "strangers", caller: "stranger", route: "core" },
      ]),
    );
    const affected = lines.filter(
      ({ path, stage, who }) =>
        path === "/core/**" &&
        stage === "authorization" &&
        "caller" in who &&
        who.caller === "stranger",
    );
    expect(affected.length).toBeGreaterThan(10);
    const end = "would pass authorization; later stages were not recorded";
    const changed = differences.filter(({ kind }) => kind === "decision");
    expect(endsOf(changed)).toEqual(new Map(affected.map((line) => [line.request_id, end])));
  });
});

describe("what replay says of a configuration", () => {
  const change = (over: (settings: Settings) => Settings): Settings => over(UNCOUNTED);
  const ROUTES = UNCOUNTED["routes"] as readonly Settings[];
  const route = (path: string, more: Settings): readonly Settings[] =>
    ROUTES.map((one) => (one["path"] === path ? { ...one, ...more } : one));

  test.each<[string, Settings]>([
    ["the same", UNCOUNTED],
    ["fewer grants", change((all) => withGrants(all, (grants) => grants.slice(2)))],
    ["more grants", change((all) => withGrants(all, (grants) => [...grants, { caller: "batch" }]))],
    ["no grants", change((all) => withGrants(all, () => []))],
    ["authorization in shadow", { ...UNCOUNTED, stages: { authorization: { mode: "shadow" } } }],
    ["sources in shadow", { ...UNCOUNTED, stages: { sources: { mode: "shadow" } } }],
    ["the contract in shadow", { ...UNCOUNTED, stages: { contract: { mode: "shadow" } } }],
    [
      "shadows enforced",
      {
        ...UNCOUNTED,
        routes: route("/guess", { stages: {} }),
        models: {
          ...(UNCOUNTED["models"] as Settings),
          fraud: { versions: { v1: { upstream: "model" } } },
        },
      },
    ],
    ["a method less", { ...UNCOUNTED, routes: route("/core/**", { methods: ["GET"] }) }],
    ["a method more", { ...UNCOUNTED, routes: route("/files", { methods: ["PUT", "POST"] }) }],
    ["a route opened", { ...UNCOUNTED, routes: route("/core/**", { identity: "none" }) }],
    ["a route closed", { ...UNCOUNTED, routes: route("/health", { identity: "required" }) }],
    ["a scope more", { ...UNCOUNTED, routes: route("/scoped/{id:int}", { scopes: ["batch"] }) }],
    [
      "a parameter of another name",
      { ...UNCOUNTED, routes: route("/scoped/{id:int}", { path: "/scoped/{number:int}" }) },
    ],
    ["a narrower path", { ...UNCOUNTED, routes: route("/core/**", { path: "/core/rates" }) }],
    [
      "a wider path",
      { ...UNCOUNTED, routes: route("/scoped/{id:int}", { path: "/scoped/{id:string}" }) },
    ],
    ["a smaller body", { ...UNCOUNTED, routes: route("/core/**", { body: "4B" }) }],
    ["a larger body", change((all) => withV2(all, { body: "1MiB" }))],
    ["nothing masked", change((all) => withV2(all, { mask: undefined }))],
  ])("is what the gateway then does: %s", async (_name, settings) => {
    // A preflight is answered by what its route's methods are; its own headers are not on record.
    const traffic = [...trafficOf(world, 1_500, 7)].filter(({ method }) => method !== "OPTIONS");
    const before = await record(world, await world.read(() => UNCOUNTED), traffic);
    const configuration = await world.read(() => settings);
    const after = await record(world, configuration, traffic);
    const replay = await Replay.open(configuration);
    for (const [index, recorded] of before.entries()) {
      const was = decisionOf(recorded);
      const is = decisionOf(after[index] as Recorded);
      const said = await replay.decide(was);
      const about = `${was.requestId} ${was.method} ${was.path}: ${JSON.stringify(said)}, really ${is.stage} ${is.code}`;
      if (said.kind === "unknown") continue;
      // Why a contract refuses what it refused already is not asked again: header fields and bodies are not on record.
      if (was.stage === "contract" && said.stage === "contract" && is.stage === "contract")
        continue;
      if (said.kind === "decided") {
        const { stage, code, grant } = said;
        expect({ stage, code, grant }, about).toEqual({
          stage: is.stage,
          code: is.code,
          grant: is.facts.grant,
        });
      } else expect([is.stage, is.code], about).not.toEqual([was.stage, was.code]);
    }
    await replay.close();
  });

  function withV2(settings: Settings, more: Settings): Settings {
    return layOver(settings, { models: { churn: { versions: { v2: more } } } });
  }

  const decisionOf = (recorded: Recorded): RecordedDecision =>
    readDecision({
      ts: "2026-11-22T12:00:00.000000Z",
      seq: 0,
      ...(parsed(recorded) as unknown as Record<string, unknown>),
    });
});
