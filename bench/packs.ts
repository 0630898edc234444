/**
 * What evaluating a constitution costs: median nanoseconds for one decision, by pack and by kind of request. Each request
 * is new to the evaluator: its texts were never compared before, as in a gateway.
 *
 *   node bench/packs.ts [--json] [--rounds 400]
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compilePack } from "../src/packs/evaluate/evaluator.ts";
import { packContext, type FieldValues, type PackContext } from "../src/packs/fields.ts";
import { readPack } from "../src/packs/read/read-pack.ts";
import { measureActivations } from "./pack-activation.ts";
import { generatePack, GROUPS, LARGE_PACK, MODELS, randomOf, TENANTS } from "./generated-pack.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "400" },
  },
});

const CORPUS = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora", "constitution");
/** Decisions between two readings of the clock, whose own cost must not count. */
const BATCH = 256;
const NOW_SECONDS = 1_800_000_000;
const ACTIVATIONS = 15;

const proved: FieldValues = {
  "context.transport.tls_version": 1.3,
  "context.mtls.verified": true,
  "context.mtls.issuer": "UBL Local CA",
  "context.auth.method": "access-passkey",
  "context.auth.rp_id": "app.ubl.agency",
  "context.user.id": "user-17",
  "context.user.groups": new Set(["ubl-ops", "group-3"]),
  "context.req.path": "/admin/ping",
  "context.req.method": "GET",
  "context.req.model": "churn",
  "context.req.version": "3",
  "context.tenant": "tenant-17",
  "context.client_id": "client-5",
  "context.scopes": new Set(["predict"]),
  "context.rate.ok": true,
  "context.origin": "https://app.example.org",
  "system.panic_mode": false,
};

const REQUESTS: Readonly<Record<string, (index: number) => FieldValues>> = {
  "everything proved": () => proved,
  "a webhook": () => ({
    "context.rate.ok": true,
    "context.webhook.verified": true,
    "system.panic_mode": false,
  }),
  "nothing known": () => ({ "system.panic_mode": false }),
  "nothing but a path": () => ({
    "context.transport.tls_version": 1.3,
    "context.rate.ok": true,
    "context.req.path": "/",
    "system.panic_mode": false,
  }),
  "over the rate": () => ({ ...proved, "context.rate.ok": false }),
  "a mixture": mixed,
};

function mixed(index: number): FieldValues {
  const random = randomOf(index * 7_919);
  const some = (names: readonly string[]): string => names[random(names.length)] as string;
  return {
    "context.transport.tls_version": random(4) === 0 ? 1.2 : 1.3,
    "context.mtls.verified": random(4) !== 0,
    "context.mtls.issuer": `Issuing CA ${random(6)}`,
    "context.auth.method": some(["jwt", "access-passkey", "webauthn", "api_key"]),
    "context.user.id": `service-${random(50)}`,
    "context.user.groups": new Set([some(GROUPS), some(GROUPS), some(GROUPS)]),
    "context.req.path": `/v1/models/${some(MODELS)}/versions/${random(9)}/predict`,
    "context.req.method": some(["GET", "POST"]),
    "context.req.model": some(MODELS),
    "context.req.version": String(random(9)),
    "context.tenant": some(TENANTS),
    "context.client_id": `client-${random(200)}`,
    "context.scopes": new Set([some(["predict", "read", "write"])]),
    "context.rate.ok": random(20) !== 0,
    "context.webhook.verified": random(2) === 0 ? undefined : false,
    "context.origin": random(2) === 0 ? undefined : `https://app.region-${random(5)}.example.org`,
    "system.panic_mode": false,
  };
}

/** A text that was never compared: read from bytes, as those of requests are. */
const fresh = (text: string): string => Buffer.from(text).toString("latin1");

function freshContext(fields: FieldValues): PackContext {
  return packContext(fields).map((value) => {
    if (typeof value === "string") return fresh(value);
    return value instanceof Set ? new Set(Array.from(value as Set<string>, fresh)) : value;
  });
}

interface Measured {
  readonly pack: string;
  readonly request: string;
  readonly medianNs: number;
  readonly p99Ns: number;
  readonly outcome: string;
}

function measure(yaml: Uint8Array, name: string): Measured[] {
  const evaluator = compilePack(readPack(yaml));
  const round = (requestOf: (index: number) => FieldValues, serial: number): number => {
    const contexts = Array.from({ length: BATCH }, (_, index) =>
      freshContext(requestOf(serial * BATCH + index)),
    );
    let statuses = 0;
    const startedAt = process.hrtime.bigint();
    for (const context of contexts) statuses += evaluator.decide(context, NOW_SECONDS).status;
    const elapsedNs = Number(process.hrtime.bigint() - startedAt);
    if (statuses === 0) throw new Error("nothing was decided");
    return elapsedNs / BATCH;
  };
  // Every kind of request is seen before any is measured: in a gateway they come mixed.
  for (let serial = 0; serial < 40; serial += 1)
    for (const requestOf of Object.values(REQUESTS)) round(requestOf, serial);
  return Object.entries(REQUESTS).map(([request, requestOf]) => {
    const samples = Array.from({ length: Number(values.rounds) }, (_, serial) =>
      round(requestOf, serial),
    ).toSorted((a, b) => a - b);
    const quantile = (share: number): number =>
      Math.round(samples[Math.floor(samples.length * share)] ?? 0);
    const outcome = evaluator.decide(packContext(requestOf(0)), NOW_SECONDS).output;
    return { pack: name, request, medianNs: quantile(0.5), p99Ns: quantile(0.99), outcome };
  });
}

const packs: [name: string, yaml: Uint8Array][] = ["ubl_core_v1.yaml", "ubl_core_v3.yaml"]
  .filter((name) => existsSync(join(CORPUS, name)))
  .map((name) => [name, readFileSync(join(CORPUS, name))]);
for (const seed of [1, 2, 3])
  packs.push([`500 rules, seed ${seed}`, Buffer.from(generatePack({ ...LARGE_PACK, seed }))]);

const report = packs.flatMap(([name, yaml]) => measure(yaml, name));
if (values.json) {
  console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model ?? "", report }));
} else {
  console.table(report);
  const tookMs = (await measureActivations(ACTIVATIONS)).toSorted((a, b) => a - b);
  console.log(
    `500 rules, activated ${ACTIVATIONS} times: median ${(tookMs[ACTIVATIONS >> 1] ?? 0).toFixed(1)} ms, worst ${(tookMs.at(-1) ?? 0).toFixed(1)} ms`,
  );
}
