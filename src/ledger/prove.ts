/**
 * Makes proofs from a ledger's directory: that a line is in it, and that a later checkpoint continues an earlier one. It
 * must never hand out a proof that it did not check itself.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeBase64 } from "./base64.ts";
import { parseCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { leafHash } from "./hashing.ts";
import { readLine, scanLine } from "./line.ts";
import { ProofBuilder, type ProofStart } from "./merkle/make-proof.ts";
import { verifyConsistency } from "./merkle/verify-proof.ts";
import { firstWith, readLedger, readSegment } from "./read/read-ledger.ts";
import { findSegments } from "./read/segment-files.ts";
import { openNote } from "./signed-note.ts";
import { formatTlogProof, verifyTlogProof } from "./tlog-proof.ts";
import { parseVerifierKey } from "./verifier-key.ts";

/**
 * - `prove.no_line`: the ledger does not hold that line
 * - `prove.no_checkpoint`: no checkpoint covers the line yet, or the given one does not
 * - `prove.removed`: lines that the proof needs were removed
 * - `prove.damaged`: lines or checkpoints do not fit each other
 */
export type ProveErrorCode =
  | "prove.no_line"
  | "prove.no_checkpoint"
  | "prove.removed"
  | "prove.damaged";

export class ProveError extends Error {
  override readonly name = "ProveError";
  readonly code: ProveErrorCode;

  constructor(code: ProveErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export interface LineProofOptions {
  readonly directory: string;
  readonly seq: number;
  /** Keys that the proof must verify with; at least the stream's. */
  readonly vkeys: readonly string[];
  /** The note to prove against; without it, the first checkpoint in the stream behind the line. */
  readonly note?: string | undefined;
}

/** The text of a tlog-proof with the line in it. Throws ProveError or LedgerReadError. */
export async function proveLine(options: LineProofOptions): Promise<string> {
  const { directory, seq, vkeys } = options;
  const note = options.note ?? (await firstNoteBehind(directory, seq));
  const { size } = openOrRefuse(note, vkeys);
  if (size <= seq) {
    throw new ProveError(
      "prove.no_checkpoint",
      `the checkpoint is of ${size} lines, before ${seq}`,
    );
  }
  const start = await startOf(directory, seq);
  const builder = ProofBuilder.inclusion({ index: seq, size }, start);
  const extra = await feed(directory, builder, seq);
  if (!extra) throw new ProveError("prove.no_line", `${directory}: there is no line ${seq}`);
  return checked(() => {
    const text = formatTlogProof({ index: seq, path: builder.proof(), note, extra });
    verifyTlogProof(text, vkeys);
    return text;
  }, directory);
}

export interface ConsistencyOptions {
  readonly directory: string;
  /** Signed notes; the newer one may be of the same size. */
  readonly older: string;
  readonly newer: string;
  readonly vkeys: readonly string[];
}

export interface ConsistencyProof {
  readonly older: Checkpoint;
  readonly newer: Checkpoint;
  readonly proof: readonly Buffer[];
}

/** Proves that the newer checkpoint continues the older one. Throws ProveError, NoteError or LedgerReadError. */
export async function proveConsistency(options: ConsistencyOptions): Promise<ConsistencyProof> {
  const { directory, vkeys } = options;
  const older = openOrRefuse(options.older, vkeys);
  const newer = openOrRefuse(options.newer, vkeys);
  const sizes = { size1: older.size, size2: newer.size };
  if (older.origin !== newer.origin) {
    throw new ProveError("prove.damaged", `${older.origin} and ${newer.origin} are two streams`);
  }
  if (sizes.size1 === 0 || sizes.size1 > sizes.size2) {
    const why = `a checkpoint of ${sizes.size2} lines does not continue one of ${sizes.size1}`;
    throw new ProveError("prove.no_checkpoint", why);
  }
  const path = await growthOf(directory, sizes);
  return checked(() => {
    const proof = path.proof();
    verifyConsistency({ ...sizes, root1: older.root, root2: newer.root, proof });
    return { older, newer, proof };
  }, directory);
}

/** RFC 6962 section 2.1.2, for whoever holds both roots and checks it. Throws ProveError or LedgerReadError. */
export async function proveGrowth(
  directory: string,
  sizes: { readonly size1: number; readonly size2: number },
): Promise<Buffer[]> {
  const path = await growthOf(directory, sizes);
  return checked(() => path.proof(), directory);
}

async function growthOf(
  directory: string,
  sizes: { readonly size1: number; readonly size2: number },
): Promise<ProofBuilder> {
  const builder = ProofBuilder.consistency(sizes, await startOf(directory, sizes.size1));
  await feed(directory, builder);
  return builder;
}

/** The directory's newest note, or undefined before its first checkpoint. */
export async function newestNote(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, "checkpoint"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The note of the first checkpoint that covers a line; at the end of a closed stream only the file has it. */
async function firstNoteBehind(directory: string, seq: number): Promise<string> {
  for await (const { lines } of readLedger(directory, { fromSeq: seq })) {
    for (const line of lines) {
      const scanned = tryScan(line);
      if (scanned?.kind !== "checkpoint" || scanned.seq <= seq) continue;
      const { note } = readLine(line).value;
      if (typeof note === "string") return note;
    }
  }
  const newest = await newestNote(directory);
  if (newest !== undefined) return newest;
  throw new ProveError("prove.no_checkpoint", `${directory}: no checkpoint covers line ${seq} yet`);
}

/** The tree before the segment that holds a line, as its first line says. */
async function startOf(directory: string, seq: number): Promise<ProofStart> {
  const { segments } = await findSegments(directory);
  const segment = segments[firstWith(segments, seq)];
  const first = segment?.head?.seq ?? 0;
  if (first > seq) throw new ProveError("prove.removed", `${directory}: begins with line ${first}`);
  if (!segment || first === 0) return { size: 0, frontier: [] };
  for await (const { lines } of readSegment(segment)) {
    const tree = readLine(lines[0] as Buffer).value["tree"] as { frontier?: unknown } | undefined;
    const texts = Array.isArray(tree?.frontier) ? (tree.frontier as unknown[]) : [];
    return { size: first, frontier: texts.map((text) => hashOf(text, directory)) };
  }
  return { size: 0, frontier: [] };
}

/** Appends lines until the builder has all; returns a copy of the wanted one. */
async function feed(
  directory: string,
  builder: ProofBuilder,
  wanted?: number,
): Promise<Buffer | undefined> {
  let found: Buffer | undefined;
  for await (const { lines } of readLedger(directory, { fromSeq: builder.next })) {
    for (const line of lines) {
      if (builder.isComplete) return found;
      if (tryScan(line)?.seq !== builder.next) throw damaged(directory, builder.next);
      if (builder.next === wanted) found = Buffer.from(line);
      builder.append(leafHash(line));
    }
  }
  return found;
}

function openOrRefuse(note: string, vkeys: readonly string[]): Checkpoint {
  const logs = vkeys.map(parseVerifierKey).filter(({ role }) => role === "log");
  return parseCheckpoint(openNote(note, logs).text);
}

function checked<Made>(make: () => Made, directory: string): Made {
  try {
    return make();
  } catch (error) {
    const why = `${directory}: its lines are not those of the checkpoint (${(error as Error).message}); look with: portcullis ledger verify`;
    throw new ProveError("prove.damaged", why, error);
  }
}

function hashOf(text: unknown, directory: string): Buffer {
  const hash = typeof text === "string" ? decodeBase64(text) : undefined;
  if (hash) return hash;
  const why = `${directory}: the first line of a segment has no tree; look with: portcullis ledger verify`;
  throw new ProveError("prove.damaged", why);
}

function tryScan(line: Buffer): ReturnType<typeof scanLine> | undefined {
  try {
    return scanLine(line);
  } catch {
    return undefined;
  }
}

function damaged(directory: string, seq: number): ProveError {
  const why = `${directory}: line ${seq} is missing or damaged; look with: portcullis ledger verify`;
  return new ProveError("prove.damaged", why);
}
