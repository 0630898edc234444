/** Cuts chunks of bytes into lines without copying any but those that straddle two chunks. Never holds more than one line. */
import { LINE_LIMIT_BYTES } from "../line.ts";

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * Feed it chunks in order; a chunk may be used again once its lines have been looked at. A line that is longer than a
 * line may be comes as its first `LINE_LIMIT_BYTES` bytes (a good one, without its LF, has fewer); the rest is dropped.
 */
export class LineSlicer {
  #carry: Buffer = NOTHING;
  #isDropping = false;

  /** Whether the line that is not yet at its end is already too long. */
  get isOverLimit(): boolean {
    return this.#isDropping;
  }

  /** The lines that end in this chunk, without their LF. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    let end = chunk.indexOf(LF);
    if (end >= 0 && (this.#isDropping || this.#carry.length > 0)) {
      lines.push(this.#finish(chunk.subarray(0, end)));
      start = end + 1;
      end = chunk.indexOf(LF, start);
    }
    while (end >= 0) {
      lines.push(chunk.subarray(start, Math.min(end, start + LINE_LIMIT_BYTES)));
      start = end + 1;
      end = chunk.indexOf(LF, start);
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What stands behind the last LF: a line that was torn, or undefined. */
  rest(): Buffer | undefined {
    return this.#carry.length > 0 ? this.#carry : undefined;
  }

  #finish(tail: Buffer): Buffer {
    const line = this.#isDropping ? this.#carry : joined(this.#carry, tail);
    this.#carry = NOTHING;
    this.#isDropping = false;
    return line;
  }

  #keep(tail: Buffer): void {
    if (this.#isDropping) return;
    this.#carry = joined(this.#carry, tail);
    this.#isDropping = this.#carry.length >= LINE_LIMIT_BYTES;
  }
}

/** A copy: the chunk behind `tail` is the caller's. */
function joined(head: Buffer, tail: Buffer): Buffer {
  const bytes = Math.min(LINE_LIMIT_BYTES - head.length, tail.length);
  return Buffer.concat([head, tail.subarray(0, bytes)]);
}
