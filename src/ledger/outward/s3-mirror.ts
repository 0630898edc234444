/**
 * Keeps closed segments and checkpoints in an S3-compatible store and believes an upload only after having looked. It
 * never deletes anything there.
 */
import { OutwardError } from "./outward-error.ts";
import { S3Client, type S3ClientOptions } from "./s3-client.ts";
import { Digesting, digestOf, openObject, type ObjectDigest } from "./segment-object.ts";
import type { SinkSegment, SegmentSink } from "./segment-sink.ts";

/** First part of every key. */
export const DEFAULT_KEY_PREFIX = "ledger";

/** What one PUT may carry (Amazon S3, "Uploading objects"). A segment is 64 MB before compression unless configured. */
const PUT_LIMIT_BYTES = 5 * 1024 ** 3;

const DAY_MS = 86_400_000;

export interface S3MirrorOptions extends S3ClientOptions {
  /** The gateway's id, the origin of its checkpoints. */
  readonly gateway: string;
  /** Default `ledger`. Letters, digits, `.`, `_`, `-` and `/`. */
  readonly keyPrefix?: string;
  /** Until when nobody may delete or change an object; the bucket must have been made with object lock. */
  readonly lock?: { readonly mode: "COMPLIANCE" | "GOVERNANCE"; readonly retainDays: number };
  /** How an upload is checked: `read` reads it back, `head` believes the length and checksum the store gives. Default `read`. */
  readonly verification?: "read" | "head";
}

const KEY_PREFIX = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/;

/** The mirror as a sink; `openSegmentFeed` drives it. Throws a TypeError for a prefix that is none. */
export function createS3Mirror(options: S3MirrorOptions): SegmentSink {
  const prefix = options.keyPrefix ?? DEFAULT_KEY_PREFIX;
  if (!KEY_PREFIX.test(prefix))
    throw new TypeError(`"${prefix}" is no prefix of keys: names of A-Z a-z 0-9 . _ - parted by /`);
  return new S3Mirror(options, prefix);
}

class S3Mirror implements SegmentSink {
  readonly #client: S3Client;
  readonly #options: S3MirrorOptions;
  readonly #prefix: string;
  readonly #gateway: string;

  constructor(options: S3MirrorOptions, prefix: string) {
    this.#client = new S3Client(options);
    this.#options = options;
    this.#prefix = prefix;
    this.#gateway = keyPartOf(options.gateway);
  }

  async segmentClosed(segment: SinkSegment, signal: AbortSignal): Promise<void> {
    const day = segment.startedAt.slice(0, 10);
    const key = `${this.#prefix}/${day}/${this.#gateway}-${segment.firstSeq}.ndjson.gz`;
    const digest = await digestOf(segment, signal);
    if (digest.lengthBytes > PUT_LIMIT_BYTES)
      throw new OutwardError(
        "mirror.too_large",
        `segment ${segment.segment} has ${digest.lengthBytes} bytes compressed, one upload takes ${PUT_LIMIT_BYTES}: make segments smaller`,
      );
    // After a restart, or a lost answer, it may be there already: a second PUT would be a second locked version.
    if (!(await this.#isThere(key, digest, signal)))
      await this.#client.put(
        {
          key,
          body: openObject(segment),
          lengthBytes: digest.lengthBytes,
          sha256Hex: digest.sha256.toString("hex"),
          headers: {
            "content-type": "application/gzip",
            ...checksumHeaders(digest),
            "x-amz-meta-first-seq": String(segment.firstSeq),
            "x-amz-meta-last-seq": String(segment.lastSeq),
            "x-amz-meta-sha256": digest.sha256.toString("hex"),
            ...this.#lockHeaders(),
          },
        },
        signal,
      );
    await this.#verify(key, digest, signal);
  }

  async checkpoint(note: string, size: number, signal: AbortSignal): Promise<void> {
    const folder = `${this.#prefix}/checkpoints/${this.#gateway}`;
    await this.#putNote(`${folder}/${size}.note`, note, { signal, isLocked: true });
    // Replaced each time: a lock would keep every one of them.
    await this.#putNote(`${folder}/latest`, note, { signal, isLocked: false });
  }

  async #putNote(
    key: string,
    note: string,
    { signal, isLocked }: { signal: AbortSignal; isLocked: boolean },
  ): Promise<void> {
    const body = Buffer.from(note, "utf8");
    const digesting = new Digesting();
    digesting.update(body);
    const digest = digesting.finish();
    const { sha256, lengthBytes } = digest;
    const headers = {
      "content-type": "text/plain; charset=utf-8",
      ...checksumHeaders(digest),
      ...(isLocked && this.#lockHeaders()),
    };
    await this.#client.put(
      { key, body, lengthBytes, sha256Hex: sha256.toString("hex"), headers },
      signal,
    );
  }

  #lockHeaders(): Record<string, string> {
    const { lock } = this.#options;
    if (lock === undefined) return {};
    return {
      "x-amz-object-lock-mode": lock.mode,
      "x-amz-object-lock-retain-until-date": new Date(
        Date.now() + lock.retainDays * DAY_MS,
      ).toISOString(),
    };
  }

  async #isThere(key: string, digest: ObjectDigest, signal: AbortSignal): Promise<boolean> {
    const headers = await this.#client.head(key, signal);
    return (
      headers !== undefined &&
      Number(headers["content-length"]) === digest.lengthBytes &&
      headers["x-amz-meta-sha256"] === digest.sha256.toString("hex") &&
      (await this.#findFault(key, digest, signal)) === undefined
    );
  }

  async #verify(key: string, digest: ObjectDigest, signal: AbortSignal): Promise<void> {
    const fault = await this.#findFault(key, digest, signal);
    if (fault === undefined) return;
    throw new OutwardError(
      "mirror.mismatch",
      `what the object store keeps as ${key} is not what was sent: ${fault}; it is sent again`,
    );
  }

  async #findFault(
    key: string,
    digest: ObjectDigest,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (this.#options.verification !== "head") {
      const digesting = new Digesting();
      await this.#client.read(key, (chunk) => digesting.update(chunk), signal);
      return differenceOf(digest, digesting.finish());
    }
    const headers = await this.#client.head(key, signal);
    if (headers === undefined) return "it is not there";
    const checksum = headers["x-amz-checksum-sha256"];
    if (typeof checksum !== "string")
      return "the store gives no SHA-256 of it; set the verification to `read`";
    return differenceOf(digest, {
      lengthBytes: Number(headers["content-length"]),
      sha256: Buffer.from(checksum, "base64"),
    });
  }
}

/** The store refuses what arrives otherwise; with a lock it insists on being told. */
const checksumHeaders = ({ sha256 }: ObjectDigest): Record<string, string> => ({
  "x-amz-sdk-checksum-algorithm": "SHA256",
  "x-amz-checksum-sha256": sha256.toString("base64"),
});

function differenceOf(sent: ObjectDigest, kept: ObjectDigest): string | undefined {
  if (kept.lengthBytes !== sent.lengthBytes)
    return `${kept.lengthBytes} bytes instead of ${sent.lengthBytes}`;
  if (!kept.sha256.equals(sent.sha256)) return "its SHA-256 is another";
  return undefined;
}

/** A gateway's id may be like a URL. Escaped with `~`, which no store and no signature gives a meaning, two ids never meet. */
export function keyPartOf(gateway: string): string {
  return [...Buffer.from(gateway, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      const hex = byte.toString(16).toUpperCase().padStart(2, "0");
      return /[A-Za-z0-9._-]/.test(character) ? character : `~${hex}`;
    })
    .join("");
}
