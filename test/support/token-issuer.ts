/** An issuer of ES256 access tokens (RFC 9068) whose key set is a file; it mints whatever a test says, right or wrong. */
import { createHmac, generateKeyPairSync, randomUUID, sign, type KeyObject } from "node:crypto";

export const ISSUER = "https://idp.test.example";
export const AUDIENCE = "inference";
/** The caller that the grants of the test configuration name. */
export const CALLER = "core-banking";

export type Claims = Readonly<Record<string, unknown>>;

export interface MintOptions {
  /** Laid over the header; undefined removes a parameter. */
  readonly header?: Claims;
  /** Signs with a key that is not in the key set. */
  readonly isForged?: boolean;
  /** Signs with HMAC under this secret, whatever the header says. */
  readonly hmacSecret?: string | Buffer;
}

export interface TokenIssuer {
  /** The key set as its file holds it. */
  readonly jwks: string;
  readonly publicKeyPem: string;
  /** A good token of `CALLER`, with these claims laid over; undefined removes one. */
  mint(claims?: Claims, options?: MintOptions): string;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

export function createTokenIssuer(): TokenIssuer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const stranger: KeyObject = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "test-1", alg: "ES256", use: "sig" };
  return {
    jwks: JSON.stringify({ keys: [jwk] }),
    publicKeyPem: publicKey.export({ format: "pem", type: "spki" }).toString(),
    mint(claims = {}, { header = {}, isForged = false, hmacSecret } = {}) {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      const head = encode({ alg: "ES256", typ: "at+jwt", kid: "test-1", ...header });
      const payload = encode({
        iss: ISSUER,
        aud: AUDIENCE,
        sub: CALLER,
        client_id: CALLER,
        tenant_id: "retail",
        scope: "predict:churn",
        jti: randomUUID(),
        iat: nowSeconds,
        exp: nowSeconds + 300,
        ...claims,
      });
      const input = Buffer.from(`${head}.${payload}`);
      const signature =
        hmacSecret === undefined
          ? sign("sha256", input, {
              key: isForged ? stranger : privateKey,
              dsaEncoding: "ieee-p1363",
            })
          : createHmac("sha256", hmacSecret).update(input).digest();
      return `${head}.${payload}.${signature.toString("base64url")}`;
    },
  };
}
