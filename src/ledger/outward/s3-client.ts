/**
 * The three calls of the S3 API the mirror needs, signed with Signature Version 4. It asks for the credentials anew for
 * each call, so that rotated ones are used at once, and never follows a redirect with them.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { AwsV4Signer } from "aws4fetch";
import { callHttp, type HttpAnswer } from "./http-call.ts";
import { OutwardError } from "./outward-error.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Place {
  /** The service's address without a bucket: `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  /** `auto` for R2, `us-east-1` for most of the others. */
  readonly region: string;
  readonly bucket: string;
  /** Where the bucket's name stands: in the path (MinIO, R2, most others) or before the host (AWS). */
  readonly addressing: "path" | "virtual_host";
  /** Authorities (PEM) for a private service's certificate, instead of the system's. */
  readonly ca?: string;
}

/** Longest time without a byte. Raised, a hung service holds the mirror up that much longer. */
export const DEFAULT_S3_IDLE_LIMIT_MS = 30_000;
/** Longest time for one object: a gigabyte at 10 Mbit/s. */
export const DEFAULT_S3_LIMIT_MS = 900_000;
/** Error documents are a few hundred bytes. */
const ANSWER_LIMIT_BYTES = 65_536;

/** SHA-256 of no bytes. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface S3ClientOptions {
  readonly place: S3Place;
  /** The credentials as they are now. */
  readonly credentials: () => S3Credentials | Promise<S3Credentials>;
  readonly idleLimitMs?: number;
  readonly limitMs?: number;
}

export interface PutObject {
  readonly key: string;
  readonly body: Buffer | Readable;
  readonly lengthBytes: number;
  readonly sha256Hex: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the operator can do about the service's own error codes. */
const REMEDIES: Record<string, string> = {
  AccessDenied:
    "give the credentials s3:PutObject and s3:GetObject on the prefix (and s3:PutObjectRetention for a lock)",
  NoSuchBucket: "create the bucket or correct its name",
  InvalidAccessKeyId: "check the access key",
  SignatureDoesNotMatch: "check the secret key and the region",
  ExpiredToken: "renew the session's credentials",
  RequestTimeTooSkewed: "set this machine's clock",
  PermanentRedirect: "use the endpoint of the bucket's region",
  AuthorizationHeaderMalformed: "set the region to the bucket's",
  InvalidRequest: "a lock needs a bucket that was made with object lock",
};

export class S3Client {
  readonly #options: S3ClientOptions;

  constructor(options: S3ClientOptions) {
    this.#options = options;
  }

  /** Throws `mirror.refused`, or what `callHttp` throws. */
  async put(
    { key, body, lengthBytes, sha256Hex, headers }: PutObject,
    signal: AbortSignal,
  ): Promise<void> {
    const answer = await this.#call({
      method: "PUT",
      key,
      headers: {
        ...headers,
        "content-length": String(lengthBytes),
        "x-amz-content-sha256": sha256Hex,
      },
      body,
      signal,
    });
    if (answer.status !== 200) throw refusalOf("PUT", key, answer);
  }

  /** The object's headers, its checksum among them where the service keeps one; undefined when there is none. */
  async head(key: string, signal: AbortSignal): Promise<IncomingHttpHeaders | undefined> {
    const headers = { "x-amz-checksum-mode": "ENABLED", "x-amz-content-sha256": EMPTY_SHA256 };
    const answer = await this.#call({ method: "HEAD", key, headers, signal });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusalOf("HEAD", key, answer);
    return answer.headers;
  }

  /** Reads the whole object, piece by piece. */
  async read(key: string, consume: (chunk: Buffer) => void, signal: AbortSignal): Promise<void> {
    const headers = { "x-amz-content-sha256": EMPTY_SHA256 };
    const answer = await this.#call({ method: "GET", key, headers, consume, signal });
    if (answer.status !== 200) throw refusalOf("GET", key, answer);
  }

  async #call(request: {
    method: "PUT" | "HEAD" | "GET";
    key: string;
    headers: Record<string, string>;
    body?: Buffer | Readable;
    consume?: (chunk: Buffer) => void;
    signal: AbortSignal;
  }): Promise<HttpAnswer> {
    const { place, credentials, idleLimitMs, limitMs } = this.#options;
    const { method, key, headers, ...rest } = request;
    const url = objectUrl(place, key);
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers,
      service: "s3",
      region: place.region,
      ...(await credentials()),
    });
    const signed = await signer.sign();
    return callHttp({
      method,
      url,
      headers: Object.fromEntries(signed.headers),
      ...rest,
      idleLimitMs: idleLimitMs ?? DEFAULT_S3_IDLE_LIMIT_MS,
      limitMs: limitMs ?? DEFAULT_S3_LIMIT_MS,
      limitBytes: ANSWER_LIMIT_BYTES,
      ca: place.ca,
    });
  }
}

/** Keys hold only characters that stand in a path as they are (RFC 3986 section 3.3): the signature covers the same text. */
export function objectUrl({ endpoint, bucket, addressing }: S3Place, key: string): URL {
  const url = new URL(endpoint);
  const base = url.pathname.replace(/\/+$/, "");
  if (addressing === "virtual_host") url.hostname = `${bucket}.${url.hostname}`;
  url.pathname = addressing === "virtual_host" ? `${base}/${key}` : `${base}/${bucket}/${key}`;
  return url;
}

function refusalOf(method: string, key: string, { status, body }: HttpAnswer): OutwardError {
  const code = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(body.toString("utf8"))?.[1] ?? "";
  const remedy = REMEDIES[code] ?? (status === 403 ? REMEDIES["AccessDenied"] : undefined);
  return new OutwardError(
    "mirror.refused",
    `the object store answered ${status}${code && ` (${code})`} to ${method} ${key}${remedy ? `: ${remedy}` : ""}`,
  );
}
