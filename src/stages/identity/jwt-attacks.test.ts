/** The whole checklist of JWT attacks: each row of the corpus has its forgeries here, and none is let through. */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contextOf, FrozenClock } from "../../../test/support/context.ts";
import { Secret } from "../../config/secrets/secret.ts";
import { Fault } from "../../pipeline/rejection.ts";
import type { Decision } from "../../pipeline/stage.ts";
import {
  bearer,
  claimsOf,
  es,
  FORGED_AT_MS,
  FORGERIES,
  type Presented,
  rs,
  stranger,
  tokenOf,
  withSignature,
} from "./identity-forgeries.test-support.ts";
import {
  answering,
  cleanUp,
  headerOf,
  ISSUER,
  jwksOf,
  type KeyServer,
  type Members,
  prepareStage,
  signSymmetric,
  signToken,
  startKeyServer,
} from "./identity-harness.test-support.ts";
import type { IdentityTools } from "./stage.ts";

const FILE = resolve(
  process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora",
  "jwt-attacks/attacks.json",
);
const isAbsent = !existsSync(FILE);
if (isAbsent) console.warn(`SKIPPED: the list of JWT attacks is not at ${FILE}`);

const SECRET = "8f2c61d0b7e94a35c1d8027be6fa94132d5c7780";
const clock = new FrozenClock(FORGED_AT_MS);

const servers: KeyServer[] = [];
let issuerServer: KeyServer;
let attackerServer: KeyServer;
let decide: (input: Presented) => Promise<Decision>;

async function stageFor(issuer: Members): Promise<typeof decide> {
  const bank = {
    issuer: ISSUER,
    audience: ["inference"],
    algorithms: ["ES256", "RS256"],
    ...issuer,
  };
  const readSecret: IdentityTools["readSecret"] = (reference) =>
    Promise.resolve(Secret.fromText(reference.kind === "env" ? reference.name : ""));
  const stage = await prepareStage({
    section: { issuers: { bank } },
    tools: { clock, readSecret },
  });
  const context = contextOf();
  const handlers = stage.bind(context.route);
  return async (input) => {
    const decision = await handlers?.onHead?.(contextOf(input));
    return decision ?? expect.fail("no decision");
  };
}

beforeAll(async () => {
  issuerServer = await startKeyServer(answering(jwksOf(es, rs)));
  attackerServer = await startKeyServer(answering(jwksOf(stranger)));
  servers.push(issuerServer, attackerServer);
  decide = await stageFor({ jwksUrl: `${issuerServer.url}/jwks` });
});

afterAll(async () => {
  await cleanUp();
  for (const server of servers) await server.close();
});

describe.skipIf(isAbsent)("every JWT attack of the corpus is refused", () => {
  const rows = isAbsent
    ? []
    : (JSON.parse(readFileSync(FILE, "utf8")) as { attack: string; how: string }[]);
  /** Attacks that are not a single request to one issuer: each has its own test below. */
  const APART = new Set(["weak secret", "psychic curve", "replay", "JWKS trouble"]);

  test("the list is whole, and a sound token passes", async () => {
    expect(rows.length).toBeGreaterThanOrEqual(29);
    for (const key of [es, rs])
      expect(await decide(bearer(tokenOf({}, {}, key)))).toMatchObject({ verdict: "continue" });
  });

  test.each(rows.filter(({ attack }) => !APART.has(attack)))(
    "$attack: $how",
    async ({ attack }) => {
      const world = { issuerUrl: issuerServer.url, attackerUrl: attackerServer.url };
      const inputs = FORGERIES[attack]?.(world) ?? expect.fail("no forgery for this attack");
      expect(inputs.length).toBeGreaterThan(0);
      for (const input of inputs) {
        const decision = await decide(input);
        const shown = JSON.stringify(input).slice(0, 200);
        expect(decision.verdict, shown).toBe("reject");
        if (decision.verdict !== "reject") continue;
        const { status, headers, cause } = decision.rejection;
        expect(status, shown).toBe(401);
        expect(headers?.[0]).toBe("www-authenticate");
        expect(headers?.[1]).toMatch(/^Bearer realm="portcullis"/);
        expect(cause).toBeTruthy();
      }
    },
  );

  test("no attack made the gateway fetch anything but its own issuer's keys, and those once", () => {
    expect(attackerServer.asked.size).toBe(0);
    expect([...issuerServer.asked]).toEqual([["/jwks", 1]]);
  });

  test.each([
    ["a word of a list", "secret"],
    ["31 bytes", `S${SECRET}`.slice(0, 31)],
    ["a word repeated", "password".repeat(8)],
  ])("weak secret: the gateway does not start with %s", async (_, name) => {
    const issuer = { algorithms: ["HS256"], secret: `env:${name}` };
    await expect(stageFor(issuer)).rejects.toThrow(/the secret (has \d+ bits|repeats)/);
  });

  test("weak secret: one that is good signs, and no other does", async () => {
    const decideShared = await stageFor({
      algorithms: ["HS256"],
      secret: `env:S${SECRET}`,
      typ: ["JWT"],
    });
    const header = { alg: "HS256", typ: "JWT" };
    expect(
      await decideShared(bearer(signSymmetric(`S${SECRET}`, header, claimsOf()))),
    ).toMatchObject({ verdict: "continue" });
    for (const secret of ["", "secret", SECRET, `S${SECRET} `]) {
      const token = signSymmetric(secret, header, claimsOf());
      expect(await decideShared(bearer(token))).toMatchObject({ rejection: { status: 401 } });
    }
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const asymmetric = signToken({ ...rs, privateKey }, headerOf(rs), claimsOf());
    expect(await decideShared(bearer(asymmetric))).toMatchObject({ rejection: { status: 401 } });
  });

  test("psychic curve: a published key that is not on its curve verifies nothing", async () => {
    const offCurve = { ...es.jwk, y: es.jwk.x };
    const server = await startKeyServer(answering(JSON.stringify({ keys: [offCurve, rs.jwk] })));
    servers.push(server);
    const decideCurved = await stageFor({ jwksUrl: server.url });
    for (const token of [tokenOf(), withSignature(tokenOf(), Buffer.alloc(64))])
      expect(await decideCurved(bearer(token))).toMatchObject({ rejection: { status: 401 } });
    expect(await decideCurved(bearer(tokenOf({}, {}, rs)))).toMatchObject({ verdict: "continue" });
  });

  test("replay: where single use is configured a jti works once, in whatever token", async () => {
    const decideOnce = await stageFor({ jwksUrl: `${issuerServer.url}/once`, singleUse: true });
    const jti = randomUUID();
    const token = tokenOf({}, { jti });
    expect(await decideOnce(bearer(token))).toMatchObject({ verdict: "continue" });
    for (const again of [token, tokenOf({}, { jti, exp: FORGED_AT_MS / 1000 + 601 })])
      expect(await decideOnce(bearer(again))).toMatchObject({ rejection: { status: 401 } });
    expect(await decideOnce(bearer(tokenOf()))).toMatchObject({ verdict: "continue" });
  });

  test.each<[string, Parameters<typeof startKeyServer>[0]]>([
    ["5xx", answering("{}", 500)],
    ["HTML", answering("<html></html>")],
    ["an endless answer", (_, response) => void response.write("x".repeat(300_000))],
    ["silence", () => undefined],
    ["a redirect", (_, response) => void response.writeHead(302, { location: "/other" }).end()],
    ["an off-curve key", answering(JSON.stringify({ keys: [{ ...es.jwk, x: es.jwk.y }] }))],
  ])("JWKS trouble: with %s nothing passes, and the answer is 503", async (_, answer) => {
    const server = await startKeyServer(answer);
    servers.push(server);
    const decideBlind = await stageFor({ jwksUrl: server.url, refresh: { timeout: "200ms" } });
    for (const token of [tokenOf(), signToken(stranger, headerOf(stranger), claimsOf())])
      await expect(decideBlind(bearer(token))).rejects.toThrow(Fault);
    expect(server.asked.size).toBe(1);
    expect(server.asked.get("/")).toBe(1);
  });
});
