/** The bytes of a segment from some place on, plain or compressed. It must never hold more than was asked for. */
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { openSegment, type SegmentFile } from "./segment-files.ts";

/** At most `limitBytes` of the plain file from `offset` on; fewer where it ends. */
export async function readPlain(path: string, offset: number, limitBytes: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(limitBytes);
    const { bytesRead } = await file.read(buffer, 0, limitBytes, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A compressed segment being read once through: going back means beginning anew. */
export class InflatingSegment {
  readonly segment: number;
  readonly #source: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #offset: number;
  #toSkip: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(file: SegmentFile, offset: number) {
    this.segment = file.segment;
    this.#source = openSegment(file);
    // A failure between two reads is met by the next one.
    this.#source.on("error", () => undefined);
    this.#chunks = (this.#source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    this.#offset = offset;
    this.#toSkip = offset;
  }

  /** Where the bytes it holds begin. */
  get offset(): number {
    return this.#offset;
  }

  async fill(limitBytes: number): Promise<Buffer> {
    while (this.#held.length < limitBytes) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      const skipped = Math.min(this.#toSkip, value.length);
      this.#toSkip -= skipped;
      this.#held = Buffer.concat([this.#held, value.subarray(skipped)]);
    }
    return this.#held.subarray(0, limitBytes);
  }

  consume(bytes: number): void {
    this.#held = this.#held.subarray(bytes);
    this.#offset += bytes;
  }

  close(): void {
    this.#source.destroy();
  }
}
