/**
 * Inflates a compressed request body to be judged. It must never produce more than the route's body limit, nor more
 * than a fixed multiple of what was sent: a bomb ends as a refusal, with little of it unpacked.
 */
import { gunzipSync } from "node:zlib";
import { DEFAULT_INFLATE_RATIO } from "./config.ts";

/** Small bodies may grow to this many bytes whatever their ratio: a short run of one letter is no bomb. */
const ALWAYS_ALLOWED_BYTES = 4_096;

export type Inflated = Buffer | "malformed" | "too_large";

/** The body of `Content-Encoding: gzip` (RFC 1952), which must be whole and have nothing behind it. */
export function inflate(body: Buffer, limitBytes: number): Inflated {
  const ratioBytes = Math.max(ALWAYS_ALLOWED_BYTES, body.length * DEFAULT_INFLATE_RATIO);
  const maxOutputLength = Math.min(limitBytes, ratioBytes);
  try {
    const { buffer, engine } = gunzipSync(body, { maxOutputLength, info: true }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    // zlib ignores what follows the last member; an upstream might not.
    return engine.bytesWritten === body.length ? buffer : "malformed";
  } catch (error) {
    const isTooLarge = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
    return isTooLarge ? "too_large" : "malformed";
  }
}
