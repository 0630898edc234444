/** Undoes content codings, so that rules read what the model will. It must never unpack more than its limit. */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";

/** Small bodies may grow to this many bytes whatever their ratio: a short run of one letter is no bomb. */
const ALWAYS_ALLOWED_BYTES = 65_536;
/** How many times larger than on the wire a body may become; text compresses 5 to 20 times, a bomb 1,000. */
const INFLATE_RATIO = 50;

const DECODERS: Readonly<
  Record<string, ((body: Buffer, options: { maxOutputLength: number }) => Buffer) | undefined>
> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** Whether the field says that the body is coded at all. */
export const isEncoded = (contentEncoding: string | undefined): contentEncoding is string =>
  contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity";

/** The body without its coding; undefined for one that is unknown, damaged or too large unpacked. */
export function decodeBody(
  body: Buffer,
  contentEncoding: string,
  limitBytes: number,
): Buffer | undefined {
  const decode = DECODERS[contentEncoding.toLowerCase()];
  if (body.length === 0) return body;
  const ratioBytes = Math.max(ALWAYS_ALLOWED_BYTES, body.length * INFLATE_RATIO);
  try {
    return decode?.(body, { maxOutputLength: Math.min(limitBytes, ratioBytes) });
  } catch {
    return undefined;
  }
}
