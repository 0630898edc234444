/** The whole lines of a plain file from its end on, in large reads. Never holds more than a read and a line. */
import { open } from "node:fs/promises";
import { LINE_LIMIT_BYTES } from "../line.ts";

/** Some 300 lines: little enough that the event loop is back in a millisecond. */
const READ_BYTES = 256 * 1024;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * Yields the lines of each read, the last line of the file first, without their LF; what stands behind the last LF is not
 * yet a line and is left out. Bytes that are longer than any line come as one piece that is no line.
 */
export async function* linesBackward(path: string): AsyncGenerator<Buffer[], void, void> {
  const file = await open(path, "r");
  try {
    let { size: position } = await file.stat();
    let behind: Buffer = NOTHING;
    let isAtEnd = true;
    while (position > 0) {
      const length = Math.min(READ_BYTES, position);
      const bytes = Buffer.allocUnsafe(length + behind.length);
      position -= length;
      const { bytesRead } = await file.read(bytes, 0, length, position);
      // Shorter than it was a moment ago: nothing here can be told apart any more.
      if (bytesRead < length) return;
      bytes.set(behind, length);
      const whole: Buffer = isAtEnd ? bytes.subarray(0, bytes.lastIndexOf(LF) + 1) : bytes;
      isAtEnd &&= whole.length === 0;
      const start = position === 0 ? 0 : whole.indexOf(LF) + 1;
      const isTooLong = start === whole.length && whole.length > 2 * LINE_LIMIT_BYTES;
      behind = isTooLong ? Buffer.of(LF) : whole.subarray(0, start);
      yield isTooLong ? [whole] : split(whole.subarray(start));
    }
  } finally {
    await file.close();
  }
}

/** Lines of bytes that end in LF, the last one first. */
function split(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let end = bytes.length - 1;
  while (end > 0) {
    const before = bytes.lastIndexOf(LF, end - 1);
    lines.push(bytes.subarray(before + 1, end));
    end = before;
  }
  return lines;
}
