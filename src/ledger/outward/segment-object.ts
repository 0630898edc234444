/**
 * A segment as the object it becomes: gzip, compressed on the way when the writer has not done it yet. It is read twice,
 * once for its digest and once to be sent, so that a full disk cannot hold the mirror up and no copy lies about.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { pipeline as finish } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import { OutwardError } from "./outward-error.ts";

export interface StoredForm {
  readonly path: string;
  readonly isCompressed: boolean;
}

export interface ObjectDigest {
  readonly lengthBytes: number;
  readonly sha256: Buffer;
}

/** Sums up bytes as they pass. */
export class Digesting {
  readonly #hash: Hash = createHash("sha256");
  #lengthBytes = 0;

  update(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#lengthBytes += chunk.length;
  }

  finish(): ObjectDigest {
    return { lengthBytes: this.#lengthBytes, sha256: this.#hash.digest() };
  }
}

/** The object's bytes; the same each time while the process lives. */
export function openObject({ path, isCompressed }: StoredForm): Readable {
  const source = createReadStream(path);
  if (isCompressed) return source;
  const gzip = createGzip({ level: constants.Z_DEFAULT_COMPRESSION });
  // Whoever reads `gzip` is told of the source's failure too.
  pipeline(source, gzip, () => undefined);
  return gzip;
}

/** Throws `segment.unreadable`. */
export async function digestOf(form: StoredForm, signal: AbortSignal): Promise<ObjectDigest> {
  const digesting = new Digesting();
  try {
    await finish(
      openObject(form),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) digesting.update(chunk);
      },
      { signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw new OutwardError(
      "segment.unreadable",
      `${form.path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return digesting.finish();
}
