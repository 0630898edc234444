/** Archives as releases are made (POSIX ustar in gzip), and as an attacker would make them. */
import { gzipSync } from "node:zlib";

export interface TarEntry {
  readonly name: string;
  readonly text?: string;
  /** Default a regular file. */
  readonly type?: string;
}

const BLOCK = 512;

export function tarGz(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, text = "", type = "0" }) => {
    const header = Buffer.alloc(BLOCK);
    header.write(name, 0, "latin1");
    header.write("0000644\0", 100, "latin1");
    header.write(`${Buffer.byteLength(text).toString(8).padStart(11, "0")}\0`, 124, "latin1");
    header.write(type, 156, "latin1");
    header.write("ustar\x0000", 257, "latin1");
    const content = Buffer.alloc(Math.ceil(Buffer.byteLength(text) / BLOCK) * BLOCK);
    content.write(text);
    return [header, content];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(BLOCK * 2)]));
}
