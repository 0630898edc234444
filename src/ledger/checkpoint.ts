/**
 * The text of a checkpoint (https://c2sp.org/tlog-checkpoint) with one extension line, the head of the chain. It is only
 * text: it must never be believed before its note was opened.
 */
import { decodeBase64 } from "./base64.ts";
import { DIGEST_BYTES } from "./hashing.ts";

export interface Checkpoint {
  /** The stream: the gateway's id, and the name of the key that signs. */
  readonly origin: string;
  /** Lines in the tree. */
  readonly size: number;
  readonly root: Buffer;
  /** `b3:` and 64 digits: the hash of line `size - 1`; zeros before the first line. */
  readonly chain: string;
}

/** `checkpoint.malformed` is the only way for a checkpoint to be wrong. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly code = "checkpoint.malformed";
}

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;
const CHAIN_LINE = /^chain (b3:[0-9a-f]{64})$/;

/** The text of a note for this checkpoint. */
export function checkpointText(checkpoint: Checkpoint): string {
  const { origin, size, root, chain } = checkpoint;
  return `${origin}\n${size}\n${root.toString("base64")}\nchain ${chain}\n`;
}

/** Reads what `checkpointText` writes, and nothing else. Throws a CheckpointError. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeText, rootText, chainLine, last, ...rest] = text.split("\n");
  const chain = CHAIN_LINE.exec(chainLine ?? "")?.[1];
  if (origin === undefined || origin === "" || last !== "" || rest.length > 0) {
    throw new CheckpointError("a checkpoint has four lines: origin, size, root hash and chain");
  }
  if (chain === undefined)
    throw new CheckpointError("the fourth line is: chain b3:<64 hex digits>");
  const size = SIZE.test(sizeText ?? "") ? Number(sizeText) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new CheckpointError("the second line is the tree's size");
  const root = decodeBase64(rootText ?? "");
  if (root?.length !== DIGEST_BYTES) throw new CheckpointError("the third line is the root hash");
  return { origin, size, root, chain };
}
