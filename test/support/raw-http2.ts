/** HTTP/2 frames written by hand: Node's own caller is too well-behaved for what attackers send. */

export const DATA = 0x0;
const HEADERS = 0x1;
const RST_STREAM = 0x3;
export const SETTINGS = 0x4;

/** RFC 9113 section 4.1. */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** POST https://localhost/ by the static table of RFC 7541 appendix A. */
export function headersFrame(stream: number, { isEnd }: { isEnd: boolean }): Buffer {
  const block = Buffer.concat([Buffer.from([0x83, 0x87, 0x84, 0x01, 9]), Buffer.from("localhost")]);
  return frame(HEADERS, isEnd ? 0x5 : 0x4, stream, block);
}

export function resetFrame(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(RST_STREAM, 0, stream, payload);
}
