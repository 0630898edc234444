/** The bytes of one segment's file, in large chunks, unpacked where it is compressed. Never holds more than a chunk. */
import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import { LedgerReadError } from "./read-error.ts";

/** Large enough that a chunk costs little beside its lines, small enough to stay in a processor's cache. */
const DEFAULT_CHUNK_BYTES = 256 * 1024;

/** A writer may be in the midst of a write: so often, and so long each time, its line is waited for. */
const SETTLE_ROUNDS = 4;

const LF = 0x0a;

export interface ChunkOptions {
  readonly path: string;
  readonly isCompressed: boolean;
  /** How long an unfinished last line is waited for, in four parts; 0 does not wait. */
  readonly settleMs: number;
  /** Of a plain file; for whoever wants only its beginning. */
  readonly chunkBytes?: number;
}

/**
 * Yields chunks that stay valid until the next one is asked for. Of a plain file comes what it held when it was opened,
 * and the line that was just being written. Throws `ENOENT` as it is, and LedgerReadError for all else.
 */
export async function* segmentChunks(options: ChunkOptions): AsyncGenerator<Buffer, void, void> {
  yield* options.isCompressed ? unpackedChunks(options.path) : plainChunks(options);
}

async function* plainChunks({
  path,
  settleMs,
  chunkBytes = DEFAULT_CHUNK_BYTES,
}: ChunkOptions): AsyncGenerator<Buffer, void, void> {
  const file = await open(path, "r").catch((error: unknown) => refuse(path, error));
  try {
    const { size: limitBytes } = await file.stat();
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, limitBytes));
    let position = 0;
    let last = LF;
    while (position < limitBytes) {
      const length = Math.min(buffer.length, limitBytes - position);
      const { bytesRead } = await file.read(buffer, 0, length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      last = buffer[bytesRead - 1] as number;
      yield buffer.subarray(0, bytesRead);
    }
    if (last !== LF && settleMs > 0) yield* finishLine(file, position, settleMs);
  } catch (error) {
    refuse(path, error);
  } finally {
    await file.close();
  }
}

/** The rest of a line that was being written when the file's size was asked. */
async function* finishLine(
  file: FileHandle,
  from: number,
  settleMs: number,
): AsyncGenerator<Buffer, void, void> {
  const buffer = Buffer.allocUnsafe(DEFAULT_CHUNK_BYTES);
  let position = from;
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    const { bytesRead } = await file.read(buffer, 0, DEFAULT_CHUNK_BYTES, position);
    const end = buffer.subarray(0, bytesRead).indexOf(LF);
    if (bytesRead > 0) yield buffer.subarray(0, end < 0 ? bytesRead : end + 1);
    if (end >= 0) return;
    position += bytesRead;
    await sleep(settleMs / SETTLE_ROUNDS);
  }
}

async function* unpackedChunks(path: string): AsyncGenerator<Buffer, void, void> {
  const file = createReadStream(path, { highWaterMark: DEFAULT_CHUNK_BYTES });
  const unpack = createGunzip({ chunkSize: DEFAULT_CHUNK_BYTES });
  file.on("error", (error) => unpack.destroy(error));
  file.pipe(unpack);
  try {
    for await (const chunk of unpack) yield chunk as Buffer;
  } catch (error) {
    refuse(path, error);
  } finally {
    file.destroy();
    unpack.destroy();
  }
}

/** zlib's codes begin with Z: the file is there and can be read, but its bytes are not what was written. */
function refuse(path: string, error: unknown): never {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || error instanceof LedgerReadError) throw error;
  if (code.startsWith("Z_")) {
    const why = `${path}: the compressed data is damaged (${message}); take the segment from a mirror`;
    throw new LedgerReadError("ledger.compressed_damaged", why, error);
  }
  const why = `${path}: ${message}; check that this user may read it, and the disk`;
  throw new LedgerReadError("ledger.segment_unreadable", why, error);
}
