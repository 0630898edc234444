/**
 * A large constitution as an organisation might grow one: many tenants, models and routes, with rules over every field.
 * The same seed gives the same bytes.
 */

export interface PackSize {
  readonly bits: number;
  readonly wires: number;
  readonly outputs: number;
  readonly seed: number;
}

export const LARGE_PACK: PackSize = { bits: 500, wires: 160, outputs: 64, seed: 1 };

/** The YAML of a pack of this size. */
export function generatePack(size: PackSize): string {
  const random = randomOf(size.seed);
  const bits = Array.from({ length: size.bits }, (_, index) => ({
    id: `P_${index}`,
    logic: logicOf(index, size, random),
  }));
  return [
    'version: "tdln-chip/0.3"',
    "meta:",
    '  intent: "measure"',
    "policies:",
    ...bits.map(
      ({ id, logic }) => `  - id: ${id}\n    description: "rule ${id}"\n    logic: ${quote(logic)}`,
    ),
    "wiring:",
    ...Array.from({ length: size.wires }, (_, index) => wireOf(index, size, random)),
    "outputs:",
    ...Array.from({ length: size.outputs }, (_, index) => outputOf(index, size)),
    "",
  ].join("\n");
}

/** From 0 up to, but not including, `below`. */
export type Random = (below: number) => number;

/** Numerical Recipes' linear congruence: good enough to pick rules with. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export const TENANTS: readonly string[] = Array.from(
  { length: 300 },
  (_, index) => `tenant-${index}`,
);
export const MODELS: readonly string[] = ["churn", "fraud", "vision", "credit", "search", "speech"];
export const GROUPS: readonly string[] = Array.from({ length: 40 }, (_, index) => `group-${index}`);
const SCOPES = ["predict", "read", "write", "admin", "files"];
const METHODS = ["GET", "POST", "DELETE"];

function pick(from: readonly string[], random: Random): string {
  return from[random(from.length)] as string;
}

const quote = (text: string): string => JSON.stringify(text);
const list = (items: readonly string[]): string =>
  `[${items.map((item) => `'${item}'`).join(",")}]`;

/** One comparison for each kind that rules are made of; more of those that packs have more of. */
const ATOMS: readonly ((random: Random) => string)[] = [
  () => "context.transport.tls_version >= 1.3",
  () => "context.mtls.verified == true",
  (random) => `context.mtls.issuer == 'Issuing CA ${random(6)}'`,
  () => "context.auth.method IN ['access-passkey','webauthn']",
  () => "context.auth.rp_id == 'app.example.org'",
  (random) => `context.user.id != 'service-${random(50)}'`,
  (random) => `'${pick(GROUPS, random)}' IN context.user.groups`,
  (random) => `'${pick(GROUPS, random)}' IN context.user.groups`,
  (random) => `context.user.groups CONTAINS '${pick(GROUPS, random)}'`,
  (random) => `context.req.path STARTS_WITH '/v1/models/${pick(MODELS, random)}/'`,
  (random) => `context.req.path ENDS_WITH '/${pick(["predict", "explain", "health"], random)}'`,
  (random) => `context.req.method == '${pick(METHODS, random)}'`,
  (random) => `context.req.model == '${pick(MODELS, random)}'`,
  (random) => `context.req.model IN ${list([pick(MODELS, random), pick(MODELS, random)])}`,
  (random) => `context.req.version == '${random(9)}'`,
  (random) => `context.tenant == '${pick(TENANTS, random)}'`,
  (random) => `context.tenant IN ${list(TENANTS.slice(random(250)).slice(0, 5 + random(45)))}`,
  (random) => `context.tenant IN ${list(TENANTS.slice(random(250)).slice(0, 5 + random(45)))}`,
  (random) => `context.client_id == 'client-${random(200)}'`,
  (random) => `'${pick(SCOPES, random)}' IN context.scopes`,
  () => "context.rate.ok == true",
  () => "context.webhook.verified == true",
  () => "context.legacy_jwt.valid == true AND now() < context.legacy_jwt.expires_at",
  (random) => `context.origin ENDS_WITH '.region-${random(5)}.example.org'`,
  () => "system.panic_mode == true",
];

function logicOf(index: number, { bits }: PackSize, random: Random): string {
  if (index === bits - 1) return "context.rate.ok == true";
  if (index === bits - 2) return "context.transport.tls_version >= 1.2";
  if (index % 50 === 49)
    return String.raw`context.req.path MATCHES '^/v1/models/[a-z]+/versions/\\d+/'`;
  const atom = (): string => (ATOMS[random(ATOMS.length)] as (random: Random) => string)(random);
  const shape = random(10);
  if (shape < 5) return atom();
  if (shape < 7) return `${atom()} AND ${atom()}`;
  if (shape < 9) return `${atom()} AND (${atom()} OR ${atom()})`;
  return `NOT (${atom()} OR ${atom()})`;
}

function wireOf(index: number, { bits, wires }: PackSize, random: Random): string {
  // Each bit belongs to some wire: those of the first wire to the first bits, and so on.
  const share = Math.ceil(bits / wires);
  const members = Array.from({ length: share + random(3) }, (_, place) =>
    place < share ? `P_${(index * share + place) % bits}` : `P_${random(bits)}`,
  );
  if (index > 0 && random(3) === 0) members.unshift(`W_${random(index)}`);
  const ids = members.join(", ");
  const structure =
    index % 4 === 3
      ? `      parallel:\n        policies: [${ids}]\n        aggregator: ANY`
      : `      sequence: [${ids}]`;
  return `  - id: W_${index}\n    structure:\n${structure}`;
}

/** Denies stand first and last: those that name what is wrong, and the one for all that nothing allows. */
function outputOf(index: number, { bits, wires, outputs }: PackSize): string {
  // A sequence, which few requests pass: the others are parts of sequences.
  const place = Math.floor((index * wires) / outputs);
  const wire = `W_${place % 4 === 3 ? place - 1 : place}`;
  const isLast = index === outputs - 1;
  const isDeny = index < 2 || isLast;
  const trigger = index < 2 ? `NOT(P_${bits - 1 - index})` : isLast ? `NOT(W_0)` : wire;
  const id = `${isDeny ? "deny" : "allow"}_${index}`;
  const action = isDeny ? `HTTP 403 + LogLine(reason: rule_${index})` : "HTTP 200 + Read";
  return `  - ${id}:\n      trigger: ${trigger}\n      action: ${quote(action)}`;
}
