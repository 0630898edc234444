/** What a line says of the pack that decided, and that it says it of the right one. */
import { describe, expect, test } from "vitest";
import { contextOf, identityOf } from "../../../test/support/context.ts";
import type { Salt } from "../../ledger/salts.ts";
import type { Governed } from "../../pipeline/facts.ts";
import type { Resolution } from "../../pipeline/journal.ts";
import { readPolicy } from "../replay/replay-policy.ts";
import { DecisionLines } from "./decision-line.ts";

const BLAKE3 = "c".repeat(64);
const PACK = { id: "access", version: "3.0", blake3: BLAKE3 };

const governedOf = (changes: Partial<Governed> = {}): Governed => ({
  pack: PACK,
  stage: "active",
  effect: "deny",
  output: "deny_invalid_access",
  reason: "policy_fail",
  wire: "W_ZeroTrust",
  bitFailed: "P_User",
  bitValue: "undefined",
  chain: ["deny_invalid_access", "W_ZeroTrust", "P_User"],
  evaluationSeconds: 0.000_001,
  isPanic: false,
  seen: { "rate.ok": true },
  ...changes,
});

/** Salts by name, as the store gives them; erased ones are made anew. */
class TestSalts {
  readonly #salts = new Map<string, Salt>();
  #made = 0;

  saltOf(subject: string): Salt {
    const known = this.#salts.get(subject);
    if (known) return known;
    const salt = { id: `s${this.#made}`, bytes: Buffer.alloc(32, ++this.#made) };
    this.#salts.set(subject, salt);
    return salt;
  }

  erase(subject: string): void {
    if (!this.#salts.delete(subject)) throw new Error(`no salt of ${subject}`);
  }
}

interface Lines {
  readonly text: (governed?: Governed) => string;
  readonly line: (
    governed?: Governed,
  ) => Record<string, unknown> & { readonly facts: { readonly policy?: unknown } };
  readonly salts: TestSalts;
  readonly begun: (governed: Governed) => string;
}

function linesOf(isHashed = false): Lines {
  const salts = new TestSalts();
  const lines = new DecisionLines({
    config: "b3:0",
    isHashed,
    isCommitted: false,
    addresses: "none",
    salts,
  });
  const contextWith = (governed: Governed | undefined) =>
    contextOf({
      identity: identityOf(),
      facts: { identity: identityOf(), ...(governed && { constitution: governed }) },
    });
  const text = (governed?: Governed): string => {
    const resolution: Resolution = {
      context: contextWith(governed),
      decision: "deny",
      status: 403,
      stage: "constitution",
      code: "constitution.denied",
      latencyMs: 1,
      upstreamMs: undefined,
      shadows: [],
      broken: [],
      body: undefined,
    };
    return `{${lines.decision(resolution)}}`;
  };
  return {
    text,
    line: (governed) => JSON.parse(text(governed)),
    salts,
    begun: (governed) => `{${lines.begun(contextWith(governed))}}`,
  };
}

describe("a line of a governed request", () => {
  test("names pack, wire, bit and chain, and in its facts what it was decided by", () => {
    expect(linesOf().line(governedOf())).toMatchObject({
      blake3_pack: `b3:${BLAKE3}`,
      wire: "W_ZeroTrust",
      bit_failed: "P_User",
      chain: ["deny_invalid_access", "W_ZeroTrust", "P_User"],
      facts: {
        policy: {
          id: "access",
          version: "3.0",
          stage: "active",
          output: "deny_invalid_access",
          reason: "policy_fail",
          bit_value: "undefined",
          panic: false,
          seen: { "rate.ok": true },
        },
      },
    });
  });

  test("written before its end is known names the same", () => {
    expect(JSON.parse(linesOf().begun(governedOf()))).toMatchObject({
      status: null,
      blake3_pack: `b3:${BLAKE3}`,
      facts: { policy: { output: "deny_invalid_access" } },
    });
  });

  test("says nothing where no pack decided, and leaves out what there was not", () => {
    const { line } = linesOf();
    const plain = line();
    for (const name of ["blake3_pack", "wire", "bit_failed", "chain"])
      expect(plain).not.toHaveProperty(name);
    expect(plain.facts).not.toHaveProperty("policy");
    const open = line(
      governedOf({ wire: undefined, bitFailed: undefined, bitValue: undefined, seen: {} }),
    );
    expect(open).not.toHaveProperty("wire");
    expect(open).not.toHaveProperty("bit_failed");
    expect(open.facts.policy).not.toHaveProperty("bit_value");
    expect(open.facts.policy).not.toHaveProperty("seen");
  });

  test("names the candidate in shadow, and an edge that decided otherwise", () => {
    const shadow = {
      pack: { ...PACK, version: "4.0", blake3: "d".repeat(64) },
      output: "allow_standard",
      effect: "allow" as const,
    };
    const edge = { decision: "allow", pack: "edge@1" };
    expect(linesOf().line(governedOf({ shadow, edge })).facts.policy).toMatchObject({
      shadow: {
        id: "access",
        version: "4.0",
        blake3: `b3:${"d".repeat(64)}`,
        output: "allow_standard",
      },
      edge: { decision: "allow", pack: "edge@1" },
    });
  });

  test("is read back as what it was written from", () => {
    const rows: Partial<Governed>[] = [
      {},
      {
        stage: "canary",
        isPanic: true,
        effect: "allow",
        output: "allow_x",
        bitFailed: undefined,
        bitValue: undefined,
      },
      {
        seen: {
          edge: true,
          "user.groups": ["a", 'b"c'],
          "transport.tls_version": 1.2,
          "webhook.signed": false,
        },
      },
      {
        shadow: { pack: PACK, output: "default_deny", effect: "deny" },
        edge: { decision: "deny", pack: "" },
      },
    ];
    const { line } = linesOf();
    for (const row of rows) {
      const governed = governedOf({ ...row, evaluationSeconds: 0 });
      const written = line(governed);
      expect(readPolicy(written, written.facts.policy)).toEqual(governed);
    }
  });

  test("is that of its own decision, also where two share a chain", () => {
    const { line } = linesOf();
    const chain = ["default_deny"];
    const shared = (changes: Partial<Governed>) => governedOf({ chain, ...changes });
    const outputs = ["default_deny", "deny_a", "default_deny"].map(
      (output) => (line(shared({ output })).facts.policy as { output: string }).output,
    );
    expect(outputs).toEqual(["default_deny", "deny_a", "default_deny"]);
    const other = { ...PACK, blake3: "e".repeat(64) };
    expect(line(shared({ pack: other }))["blake3_pack"]).toBe(`b3:${other.blake3}`);
    expect(line(shared({}))["blake3_pack"]).toBe(`b3:${BLAKE3}`);
    const stages = (["active", "canary"] as const).map(
      (stage) => (line(shared({ stage })).facts.policy as { stage: string }).stage,
    );
    expect(stages).toEqual(["active", "canary"]);
    const wires = [undefined, "W"].map((wire) => line(shared({ wire }))["wire"]);
    expect(wires).toEqual([undefined, "W"]);
  });

  test("is that of what was seen this time", () => {
    const { line } = linesOf();
    const chain = ["allow_x"];
    const policies = [
      { isPanic: false, seen: { "rate.ok": true } },
      { isPanic: true, seen: { "rate.ok": true } },
      { isPanic: true, seen: { "rate.ok": false } },
    ].map((changes) => line(governedOf({ chain, ...changes })).facts.policy);
    expect(policies).toMatchObject([
      { panic: false, seen: { "rate.ok": true } },
      { panic: true, seen: { "rate.ok": true } },
      { panic: true, seen: { "rate.ok": false } },
    ]);
  });

  test("stays short, however deep a pack nests its wires", () => {
    const chain = Array.from({ length: 5_000 }, (_, i) => `W_${i}`);
    const written = linesOf().line(governedOf({ chain }))["chain"] as string[];
    expect(written).toHaveLength(64);
    expect(written.at(0)).toBe("W_0");
    expect(written.at(-1)).toBe("W_4999");
  });
});

describe("what a line must not hold", () => {
  test("a secret in what was seen: it was there, and is not on record", () => {
    const { text, line } = linesOf();
    const seen = { origin: "https://x?token=CANARYCANARYCANARY", "auth.method": `webauthn` };
    expect(text(governedOf({ seen }))).not.toContain("CANARY");
    expect(line(governedOf({ seen })).facts.policy).toMatchObject({
      seen: { origin: "", "auth.method": "webauthn" },
    });
  });

  test("text that breaks out of it", () => {
    const hostile = 'a"},"kind":"x\n\u2028';
    const { text } = linesOf();
    const written = text(
      governedOf({
        pack: { ...PACK, id: hostile, version: hostile },
        reason: hostile,
        seen: { "user.groups": [hostile], "auth.rp_id": hostile, "user.id": hostile },
        edge: { decision: hostile, pack: hostile },
      }),
    );
    expect(written).not.toMatch(/[\n\u2028]/);
    expect(JSON.parse(written)).toMatchObject({ kind: "decision" });
  });

  test("hashed: the name of a user behind an edge, which goes when its salt does", () => {
    const { line, salts } = linesOf(true);
    const seen = Object.freeze({
      edge: true,
      "user.id": "alice@example.bank",
      "user.groups": ["ops"],
    });
    const governed = governedOf({ seen });
    const userOf = (): string =>
      (line(governed).facts.policy as { seen: Record<string, string> }).seen["user.id"] ?? "";
    const first = userOf();
    expect(first).toMatch(/^h:[0-9a-f]{32}$/);
    expect(userOf()).toBe(first);
    salts.erase("edge alice@example.bank");
    expect(userOf()).not.toBe(first);
    expect(JSON.stringify(line(governed))).not.toContain("alice");
  });

  test("in clear: the name as others are told", () => {
    const { line } = linesOf();
    const seen = { "user.id": "alice@example.bank" };
    expect(line(governedOf({ seen })).facts.policy).toMatchObject({
      seen: { "user.id": "alice@example.bank" },
    });
  });
});
