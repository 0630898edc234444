/**
 * Signs answers as `X-Policy-Sign`: that this gateway gave this answer to this request under this pack. What no pack
 * decided on carries no signature, and none that an upstream made up.
 */
import { hash, type KeyObject } from "node:crypto";
import { readPrivateKey } from "../../packs/sign/keys.ts";
import { signResponse } from "../../packs/sign/response-signature.ts";
import { removeHeader, setHeader } from "../../pipeline/response.ts";
import type { StageHandlers } from "../../pipeline/stage.ts";

const FIELD = "x-policy-sign";

const UNSIGNED = [removeHeader(FIELD)];
const NOTHING = Buffer.alloc(0);

/** `pem`: PKCS#8, Ed25519. Throws a PackRefused. */
export function sealWith(pem: string): NonNullable<StageHandlers["seal"]> {
  const key: KeyObject = readPrivateKey(pem);
  return ({ request, facts }, { status, body }) => {
    const governed = facts.constitution;
    if (governed === undefined) return UNSIGNED;
    // As in RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5: these are sent without a body, whatever was made for them.
    const isBodiless = request.method === "HEAD" || status === 204 || status === 304;
    const value = signResponse({
      requestId: request.requestId,
      status,
      blake3: governed.pack.blake3,
      bodyDigest: `sha256:${hash("sha256", isBodiless ? NOTHING : body, "hex")}`,
      key,
    });
    return [setHeader(FIELD, value)];
  };
}
