/**
 * Compresses a closed segment. It must never delete the plain file before the compressed one was read back whole and is
 * durable under its name; whatever a crash leaves, doing it again completes it.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { FILE_MODE, syncDirectory } from "./segment-files.ts";

/** Few large chunks: each costs the writing thread a turn. */
const CHUNK_BYTES = 256 * 1024;

/** Level 6 makes a ledger an eighth smaller still, at half as much CPU again, which the gateway's requests would miss. */
const GZIP_LEVEL = 1;

/** Returns the compressed file's path. The work is done by the thread pool, chunk by chunk. */
export async function compressSegment(path: string, signal: AbortSignal): Promise<string> {
  const target = `${path}.gz`;
  const temporary = `${target}.tmp`;
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: CHUNK_BYTES }),
      createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES }),
      // `flush` syncs before it closes.
      createWriteStream(temporary, { mode: FILE_MODE, flush: true }),
      { signal },
    );
    const { size, atime, mtime } = await stat(path);
    // The checksum inside (RFC 1952 section 2.3.1) is verified on the way, and the length with it.
    const readBack = await countUnpacked(temporary, signal);
    if (readBack !== size) throw new Error(`${temporary} holds ${readBack} bytes of ${size}`);
    await utimes(temporary, atime, mtime);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
  await rm(path);
  return target;
}

async function countUnpacked(path: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  const counter = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done();
    },
  });
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  await pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), counter, { signal });
  return bytes;
}
