/** Small random packs as text, and every request that matters to them, so that a proof can be held against plain counting. */
import * as fc from "fast-check";
import {
  packContext,
  type FieldName,
  type FieldValue,
  type FieldValues,
  type PackContext,
} from "../fields.ts";
import type { Pack } from "../pack.ts";
import { readPack } from "../read/read-pack.ts";
import { ORDINARY_REQUEST } from "./always-there.ts";

/** Rules about some fields only, and the values of those that can make a difference. */
interface Theme {
  readonly rules: readonly string[];
  readonly values: { readonly [Name in FieldName]?: readonly (FieldValue | undefined)[] };
  /** Seconds since the epoch. */
  readonly times: readonly number[];
}

const TRUTHS = [undefined, false, true] as const;
const set = (...texts: string[]): ReadonlySet<string> => new Set(texts);
const NOW = [1_000] as const;

const BOOLEANS: Theme = {
  rules: [
    "context.mtls.verified == true",
    "context.mtls.verified",
    "context.rate.ok != true",
    "context.webhook.verified == context.mtls.verified",
    "NOT context.webhook.verified",
    "system.panic_mode == true",
    "false",
    "true",
  ],
  values: {
    "context.mtls.verified": TRUTHS,
    "context.rate.ok": TRUTHS,
    "context.webhook.verified": TRUTHS,
    "system.panic_mode": [false, true],
  },
  times: NOW,
};

const NUMBERS: Theme = {
  rules: [
    "context.transport.tls_version >= 1.3",
    "1.2 == context.transport.tls_version",
    "context.transport.tls_version IN [1.2, 1.3]",
    "context.transport.tls_version < 1.2",
    "1.3 > context.transport.tls_version",
    "context.transport.tls_version != 1.2",
    "now() < context.legacy_jwt.expires_at",
    "context.legacy_jwt.expires_at <= now()",
    "now() >= 1000",
    "context.legacy_jwt.expires_at == 2000",
    "context.legacy_jwt.expires_at > context.transport.tls_version",
    "context.legacy_jwt.valid",
    "now() == now()",
    "context.transport.tls_version < context.transport.tls_version",
  ],
  values: {
    "context.transport.tls_version": [undefined, 1.1, 1.2, 1.25, 1.3, 1.4, 3_000],
    "context.legacy_jwt.expires_at": [undefined, -5, 1.2, 500, 1_000, 1_500, 2_000, 2_500, 9_000],
    "context.legacy_jwt.valid": TRUTHS,
  },
  times: [999, 1_000, 2_000, 2_500],
};

const PATHS: Theme = {
  rules: [
    "context.req.path STARTS_WITH '/a'",
    "context.req.path STARTS_WITH '/a/b'",
    "context.req.path STARTS_WITH 'a'",
    "context.req.path == '/a/b'",
    "context.req.path != '/a/b.x'",
    "context.req.path IN ['/a', '/x', 'x']",
    "context.req.path ENDS_WITH '.x'",
    "context.req.path ENDS_WITH 'b.x'",
    "context.req.path CONTAINS 'b'",
    "context.req.path CONTAINS '/b/c'",
    "'/a/b/c' STARTS_WITH context.req.path",
    "context.req.path MATCHES '^/a/[0-9]+$'",
    "context.req.path MATCHES 'c'",
    "context.req.method IN ['GET', 'HEAD']",
  ],
  values: {
    "context.req.path":
      "/ /a /a/ /a/b /a/b.x /a/b/c /a/b/c.x /a/7 /a/7b /x /x.x /b /b.x /b/c /c /c.x /a/c /a/c.x /z/b/c/b.x /ab /a/1.x /a/zz.x /zb.x /a/b/z /q /a/q/b/c".split(
        " ",
      ),
    "context.req.method": ["GET", "POST", "HEAD"],
  },
  times: NOW,
};

const CALLERS: Theme = {
  rules: [
    "context.user.id == 'u'",
    "context.user.id != context.client_id",
    "context.user.id STARTS_WITH context.client_id",
    "context.client_id IN ['u', 'v']",
    "'g' IN context.user.groups",
    "context.user.groups CONTAINS 'h'",
    "context.user.id IN context.user.groups",
    "context.user.groups CONTAINS context.user.id",
    "NOT ('g' IN context.user.groups)",
    "context.auth.method == 'anonymous'",
    "context.auth.method IN ['jwt', 'mtls']",
    "context.user.id == context.user.id",
  ],
  values: {
    "context.user.id": [undefined, "u", "v", "w", "ux", "g"],
    "context.client_id": [undefined, "u", "v", "w"],
    "context.user.groups": [
      undefined,
      set(),
      set("g"),
      set("g", "h"),
      set("h", "u"),
      set("w", "g"),
    ],
    "context.auth.method": [undefined, "anonymous", "jwt", "other"],
  },
  times: NOW,
};

const PROOFS: Theme = {
  rules: [
    "context.mtls.verified == true",
    "context.webhook.verified",
    "context.legacy_jwt.valid == true",
    "context.user.id != 'u'",
    "context.client_id == 'c'",
    "'g' IN context.user.groups",
    "NOT (context.scopes CONTAINS 's')",
    "context.auth.method IN ['jwt', 'anonymous']",
  ],
  values: {
    "context.mtls.verified": [undefined, true],
    "context.webhook.verified": [undefined, true],
    "context.legacy_jwt.valid": TRUTHS,
    "context.user.id": [undefined, "v"],
    "context.client_id": [undefined, "c"],
    "context.user.groups": [undefined, set(), set("g")],
    "context.scopes": [undefined, set("t")],
    "context.auth.method": [undefined, "anonymous", "jwt"],
  },
  times: NOW,
};

const THEMES = [PROOFS, BOOLEANS, NUMBERS, PATHS, CALLERS];

export interface SmallPack {
  readonly text: string;
  readonly pack: Pack;
  readonly themes: readonly Theme[];
}

/** Bits, wires in wires, and outputs over rules of one theme or two. */
export const smallPacks: fc.Arbitrary<SmallPack> = themed(fc.nat(THEMES.length - 1)).map(built);

/** Two packs over the same rules. */
export const smallPackPairs: fc.Arbitrary<readonly [SmallPack, SmallPack]> = fc
  .nat(THEMES.length - 1)
  .chain((at) => fc.tuple(themed(fc.constant(at)).map(built), themed(fc.constant(at)).map(built)));

interface Recipe {
  readonly themes: readonly Theme[];
  readonly bits: readonly string[];
  readonly wires: readonly Wiring[];
  readonly outputs: readonly Fired[];
}

interface Wiring {
  readonly isAll: boolean;
  readonly members: readonly number[];
}

interface Fired {
  readonly isAllow: boolean;
  readonly isNegated: boolean;
  readonly part: number;
}

function themed(at: fc.Arbitrary<number>): fc.Arbitrary<Recipe> {
  return at.chain((place) => {
    const theme = THEMES[place] as Theme;
    const rule = fc.constantFrom(...theme.rules);
    const logic = fc.oneof(
      rule,
      fc.tuple(rule, fc.constantFrom("AND", "OR"), rule).map((parts) => parts.join(" ")),
      fc.tuple(rule, rule, rule).map(([a, b, c]) => `${a} AND NOT (${b} OR ${c})`),
    );
    return fc.record({
      themes: fc.constant([theme]),
      bits: fc.array(logic, { minLength: 1, maxLength: 5 }),
      wires: fc.array(
        fc.record({ isAll: fc.boolean(), members: fc.array(fc.nat(20), { maxLength: 3 }) }),
        { maxLength: 4 },
      ),
      outputs: fc.array(
        fc.record({ isAllow: fc.boolean(), isNegated: fc.boolean(), part: fc.nat(20) }),
        { minLength: 1, maxLength: 5 },
      ),
    });
  });
}

function built({ themes, bits, wires, outputs }: Recipe): SmallPack {
  const ids = bits.map((_, at) => `P_${at}`);
  const lines = ['version: "tdln-chip/0.3"', "policies:"];
  for (const [at, logic] of bits.entries())
    lines.push(`  - id: P_${at}`, `    description: "bit ${at}"`, `    logic: "${logic}"`);
  lines.push(wires.length === 0 ? "wiring: []" : "wiring:");
  for (const [at, { isAll, members }] of wires.entries()) {
    const named = members.map((member) => ids[member % ids.length]).join(", ");
    lines.push(
      `  - id: W_${at}`,
      `    structure: { parallel: { policies: [${named}], aggregator: ${isAll ? "ALL" : "ANY"} } }`,
    );
    ids.push(`W_${at}`);
  }
  lines.push("outputs:");
  for (const [at, { isAllow, isNegated, part }] of outputs.entries()) {
    const id = ids[part % ids.length];
    lines.push(
      `  - ${isAllow ? "allow" : "deny"}_${at}:`,
      `      trigger: ${isNegated ? `NOT(${id})` : id}`,
      `      action: "HTTP ${isAllow ? 200 : 403}"`,
    );
  }
  const text = `${lines.join("\n")}\n`;
  return { text, pack: readPack(Buffer.from(text)), themes };
}

/**
 * Whether the proof leaves something open in rules such as these: patterns, a written text on the left, and two fields compared
 * count as independent of everything else. It may then think possible what is not, but has no example of it.
 */
export function isLeftOpen(text: string): boolean {
  return /MATCHES|(?:STARTS_WITH|IN|CONTAINS|!=|<|>|<=) (?:context|now)/.test(text);
}

/** One request that matters to the rules. */
export interface Asked {
  readonly values: FieldValues;
  readonly nowSeconds: number;
}

/** Every request that matters to the rules, with what `say` says of it. */
export function everyRequest<Said>(
  { themes }: Pick<SmallPack, "themes">,
  say: (context: PackContext, nowSeconds: number) => Said,
): (Asked & { readonly said: Said })[] {
  const times = themes.flatMap((theme) => theme.times);
  return requestsOf(themes).flatMap((values) => {
    const context = packContext(values);
    return times.map((nowSeconds) => ({ values, nowSeconds, said: say(context, nowSeconds) }));
  });
}

function requestsOf(themes: readonly Theme[]): FieldValues[] {
  let requests: FieldValues[] = [ORDINARY_REQUEST];
  for (const { values } of themes)
    for (const [name, choices] of Object.entries(values))
      requests = requests.flatMap((request) =>
        choices.map((choice) => ({ ...request, [name]: choice })),
      );
  return requests;
}
