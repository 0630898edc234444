/**
 * Where an issuer's key document comes from: a file, a URL, or the URL that the issuer's discovery document names. The
 * location is the operator's word; a token never has a say in it.
 */
import { FetchFailed, fetchDocument, type FetchOptions } from "./guarded-fetch.ts";
import { asObject, parseStrictJson } from "../../config/strict-json.ts";

/** How long a discovery document's `jwks_uri` is believed; it is read again sooner when the keys cannot be fetched. */
const DISCOVERY_LIFETIME_MS = 3_600_000;

export type LoadKeys = () => Promise<Buffer>;

export function loadFromUrl(jwksUrl: string, options: FetchOptions): LoadKeys {
  return () => fetchDocument(jwksUrl, options);
}

export interface Discovery {
  /** The issuer identifier; the document must repeat it exactly (OpenID Connect Discovery section 4.3). */
  readonly issuer: string;
  /** Undefined means the standard place under the issuer. */
  readonly url: string | undefined;
  readonly monotonicMs: () => number;
}

export function loadByDiscovery(discovery: Discovery, options: FetchOptions): LoadKeys {
  const documentUrl = discovery.url ?? wellKnownUrl(discovery.issuer);
  let known: { readonly jwksUrl: string; readonly untilMs: number } | undefined;
  return async () => {
    if (!known || discovery.monotonicMs() >= known.untilMs) {
      const jwksUrl = readJwksUrl(await fetchDocument(documentUrl, options), discovery.issuer);
      known = { jwksUrl, untilMs: discovery.monotonicMs() + DISCOVERY_LIFETIME_MS };
    }
    try {
      return await fetchDocument(known.jwksUrl, options);
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}

/** OpenID Connect Discovery section 4.1: a trailing slash of the issuer is removed first. */
function wellKnownUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

function readJwksUrl(document: Buffer, issuer: string): string {
  const parsed = parseStrictJson(document);
  if ("refused" in parsed) throw new FetchFailed(`the discovery document is ${parsed.refused}`);
  const metadata = asObject(parsed.value);
  if (metadata?.["issuer"] !== issuer)
    throw new FetchFailed("the discovery document is another issuer's");
  const { jwks_uri: jwksUrl } = metadata;
  if (typeof jwksUrl !== "string" || !isHttpUrl(jwksUrl))
    throw new FetchFailed("the discovery document names no jwks_uri");
  return jwksUrl;
}

/** An absolute http or https URL without credentials in it. */
export function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    (url.protocol === "https:" || url.protocol === "http:") &&
    url.username === "" &&
    url.password === ""
  );
}
