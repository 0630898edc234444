/** For tests of this stage: signing keys, tokens, and key servers that can misbehave. Nothing of the product may import it. */
import {
  createHmac,
  generateKeyPairSync,
  randomUUID,
  sign,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Secret } from "../../config/secrets/secret.ts";
import type { PreparedStage } from "../../pipeline/stage.ts";
import { ALGORITHMS, type Algorithm } from "./algorithms.ts";
import { identityConfig, type IdentityConfig, type RouteIdentity } from "./config.ts";
import { identity, type IdentityTools } from "./stage.ts";

export interface SigningKey {
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  /** As it stands in a key set. */
  readonly jwk: JsonWebKey & { readonly kid?: string };
}

const CURVES = { "P-256": "P-256", "P-384": "P-384", "P-521": "P-521" } as const;

/** A fresh key pair; `bits` for RSA. */
export function createKey(algorithm: Algorithm, kid: string | undefined, bits = 2048): SigningKey {
  const { kty, crv } = ALGORITHMS[algorithm];
  const { privateKey, publicKey } =
    kty === "RSA"
      ? generateKeyPairSync("rsa", { modulusLength: bits })
      : crv === "Ed25519"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("ec", { namedCurve: CURVES[crv ?? "P-256"] });
  const jwk = { ...publicKey.export({ format: "jwk" }), alg: algorithm, use: "sig" };
  return { algorithm, privateKey, jwk: kid === undefined ? jwk : { ...jwk, kid } };
}

export type Members = Readonly<Record<string, unknown>>;

/** A value is written as JSON; text and bytes stand as they are, for what JSON.stringify would never write. */
export type Segment = Members | string | Buffer;

export function encodeSegment(segment: Segment): string {
  const bytes =
    typeof segment === "string" || Buffer.isBuffer(segment) ? segment : JSON.stringify(segment);
  return Buffer.from(bytes as string).toString("base64url");
}

/** A signed token with exactly this header and payload. */
export function signToken(key: SigningKey, header: Segment, payload: Segment): string {
  const input = `${encodeSegment(header)}.${encodeSegment(payload)}`;
  const { digest, options } = ALGORITHMS[key.algorithm];
  const signature = sign(digest, Buffer.from(input), { key: key.privateKey, ...options });
  return `${input}.${signature.toString("base64url")}`;
}

/** The same with an HMAC over any secret. */
export function signSymmetric(secret: Buffer | string, header: Segment, payload: Segment): string {
  const input = `${encodeSegment(header)}.${encodeSegment(payload)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** The header this key's tokens have. */
export function headerOf(key: SigningKey, changes: Members = {}): Members {
  return { alg: key.algorithm, typ: "at+jwt", kid: key.jwk.kid, ...changes };
}

export const jwksOf = (...keys: readonly SigningKey[]): string =>
  JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

export const ISSUER = "https://idp.example.bank";

/** A sound access token of the caller "core-banking", issued at that moment for ten minutes. */
export function tokenOf(
  key: SigningKey,
  { issuer = ISSUER, nowMs = Date.now() }: { issuer?: string; nowMs?: number } = {},
): string {
  const seconds = Math.floor(nowMs / 1000);
  return signToken(key, headerOf(key), {
    iss: issuer,
    aud: "inference",
    sub: "core-banking",
    client_id: "core-banking",
    iat: seconds,
    exp: seconds + 600,
    jti: randomUUID(),
  });
}

/** A server on loopback that counts what it is asked; `answer` can be changed while it runs. */
export interface KeyServer {
  readonly url: string;
  readonly server: Server;
  /** Requests by path. */
  readonly asked: Map<string, number>;
  answer: RequestListener;
  close(): Promise<void>;
}

export async function startKeyServer(answer: RequestListener): Promise<KeyServer> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const asked = new Map<string, number>();
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    asked,
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on("request", (request, response) => {
    const path = request.url ?? "";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    keyServer.answer(request, response);
  });
  return keyServer;
}

/** Answers with this text. */
export const answering =
  (body: string | Buffer, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(body);

/** Closes what tests have opened; call it after each. */
export const cleanups: (() => unknown)[] = [];

export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A secret for HS256, and an issuer that signs with it. */
const SHARED_SECRET = "S8f2c61d0b7e94a35c1d8027be6fa94132d5c7780";
export const SHARED_BANK = {
  issuer: "bank",
  audience: ["inference"],
  algorithms: ["HS256"],
  secret: "env:JWT_SECRET_KEY",
  typ: ["JWT", "at+jwt"],
};

/** A token of SHARED_BANK for the caller "c", sound at that moment unless its claims are changed. */
export function sharedToken(nowMs: number, claims: Members = {}, header: Members = {}): string {
  const exp = Math.floor(nowMs / 1000) + 600;
  const sound = { iss: "bank", aud: "inference", sub: "s", client_id: "c", exp };
  return signSymmetric(
    SHARED_SECRET,
    { alg: "HS256", typ: "JWT", ...header },
    { ...sound, ...claims },
  );
}

export interface PrepareInput {
  /** As it would stand in the configuration file. */
  readonly section: Members;
  readonly routes?: Readonly<Record<string, RouteIdentity>>;
  readonly tools: Pick<IdentityTools, "clock"> & Partial<IdentityTools>;
  /** Refreshes keys more often than an operator may have it. */
  readonly everyMs?: number | undefined;
  readonly edge?: IdentityConfig["edge"];
}

/** The stage as the gateway would prepare it; closed by `cleanUp`. */
export async function prepareStage({
  section,
  routes = {},
  tools,
  everyMs,
  edge,
}: PrepareInput): Promise<PreparedStage<"identity">> {
  const config = identityConfig.parse(section);
  for (const issuer of Object.values(config.issuers))
    issuer.refresh.every = everyMs ?? issuer.refresh.every;
  const stage = await identity(
    { ...config, routes: new Map(Object.entries(routes)), edge },
    {
      environment: "development",
      readFile: () => Promise.reject(new Error("no file here")),
      readSecret: () => Promise.resolve(Secret.fromText(SHARED_SECRET)),
      ...tools,
    },
  );
  cleanups.push(() => stage.close?.());
  return stage;
}
