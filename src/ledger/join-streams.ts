/** Joins the newest checkpoints of several directories under one signature, after looking that each one holds. */
import { signJoin, type Join, type JoinedStream } from "./join-note.ts";
import { newestNote } from "./prove.ts";
import type { NoteSigner } from "./signed-note.ts";
import { openCheckpoint } from "./verify/checkpoint-check.ts";
import { requireVerifierKey, VerifyError } from "./verify/trusted-keys.ts";
import { verifyLedger } from "./verify/verify-ledger.ts";

export interface JoinOptions {
  readonly directories: readonly string[];
  readonly signer: NoteSigner;
  /** Verifier keys of the streams; without any each directory's own is taken. */
  readonly publicKeys?: readonly string[] | undefined;
}

/** Throws VerifyError, LedgerReadError or JoinError. */
export async function joinStreams({ directories, signer, publicKeys }: JoinOptions): Promise<Join> {
  const streams: JoinedStream[] = [];
  for (const directory of directories) streams.push(await newestOf(directory, publicKeys));
  return signJoin(streams, signer);
}

async function newestOf(
  directory: string,
  publicKeys: readonly string[] | undefined,
): Promise<JoinedStream> {
  const note = await newestNote(directory);
  if (note === undefined) {
    throw new VerifyError("verify.checkpoint", `${directory}: has no checkpoint yet`);
  }
  // The end of the stream only: what comes before is as much proven by this note as it was before.
  const { findings, publicKeys: keys } = await verifyLedger(directory, {
    publicKeys,
    fromSeq: Number.MAX_SAFE_INTEGER,
  });
  const [finding] = findings;
  const opened = openCheckpoint(note, keys.map(requireVerifierKey));
  if (finding || opened.is !== "trusted") {
    const why = finding?.message ?? "its checkpoint is signed by no trusted key";
    throw new VerifyError(
      "verify.checkpoint",
      `${directory}: is damaged (${why}); verify it first`,
    );
  }
  return { origin: opened.checkpoint.origin, note };
}
