/** Opens checkpoints of one stream with its trusted keys. It must never read what no trusted key signed. */
import { parseCheckpoint, type Checkpoint } from "../checkpoint.ts";
import { NoteError, openNote } from "../signed-note.ts";
import type { VerifierKey } from "../verifier-key.ts";

export type OpenedCheckpoint =
  | { readonly is: "trusted"; readonly checkpoint: Checkpoint }
  /** No signature by a trusted key at all. */
  | { readonly is: "unknown" }
  /** A trusted key's signature that does not verify, or text that is no checkpoint of its signer. */
  | { readonly is: "forged"; readonly why: string };

/** Of the keys only those of logs count: a witness does not say what a stream is, but that it saw it. */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): OpenedCheckpoint {
  try {
    const logs = keys.filter(({ role }) => role === "log");
    const { text, verified } = openNote(note, logs);
    const checkpoint = parseCheckpoint(text);
    if (verified.includes(checkpoint.origin)) return { is: "trusted", checkpoint };
    return { is: "forged", why: `${verified.join(", ")} signed for ${checkpoint.origin}` };
  } catch (error) {
    if (error instanceof NoteError && error.code === "note.unverified") return { is: "unknown" };
    return { is: "forged", why: (error as Error).message };
  }
}
