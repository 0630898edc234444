/** Looks whether a body is the one a request's record commits to. It must never say yes for want of a salt. */
import { verifyCommitment } from "./commitment.ts";
import { LineError, readLine, scanLine, type LedgerLine } from "./line.ts";
import { readLedger } from "./read/read-ledger.ts";
import type { Salts } from "./salts.ts";

export interface BodyQuestion {
  readonly directory: string;
  readonly requestId: string;
  readonly part: "request" | "response";
  readonly body: Uint8Array;
  readonly salts: Pick<Salts, "find">;
}

/**
 * - `same`, `other`: the body is the recorded one, or it is not
 * - `erased`: the salt is gone, so nobody can tell
 * - `no_commitment`: the request is on record, this body of it is not
 * - `unknown_request`: no line is about that request
 */
export interface BodyAnswer {
  readonly verdict: "same" | "other" | "erased" | "no_commitment" | "unknown_request";
  /** The line that commits to it. */
  readonly seq?: number;
  /** Bytes that the record says it had. */
  readonly recordedBytes?: number;
}

const PLAIN_ID = /^[\w.:-]+$/;
const NOTHING = Buffer.alloc(0);

/** Reads the ledger until it finds the commitment. Throws what the reader throws. */
export async function checkBody(question: BodyQuestion): Promise<BodyAnswer> {
  const { requestId } = question;
  // Parsing every line of a long ledger takes minutes; an id that JSON may spell in two ways is worth them.
  const mark = PLAIN_ID.test(requestId) ? Buffer.from(requestId) : NOTHING;
  let isKnown = false;
  for await (const { lines } of readLedger(question.directory)) {
    for (const bytes of lines) {
      const line = bytes.includes(mark) ? lineAbout(bytes, requestId) : undefined;
      if (!line) continue;
      isKnown = true;
      const answer = answerFrom(line, question);
      if (answer) return answer;
    }
  }
  return { verdict: isKnown ? "no_commitment" : "unknown_request" };
}

/** A decision, or the outcome that was recorded after it; both may commit. */
function lineAbout(bytes: Buffer, requestId: string): LedgerLine | undefined {
  try {
    const { kind } = scanLine(bytes);
    if (kind !== "decision" && kind !== "outcome") return undefined;
    const line = readLine(bytes);
    return line.value[kind === "decision" ? "request_id" : "of"] === requestId ? line : undefined;
  } catch (error) {
    if (error instanceof LineError) return undefined;
    throw error;
  }
}

function answerFrom(
  { seq, value }: LedgerLine,
  { part, body, salts }: BodyQuestion,
): BodyAnswer | undefined {
  const commitments = value["commitments"] as Record<string, unknown> | undefined;
  const text = commitments?.[part];
  const id = commitments?.["salt"];
  if (typeof text !== "string" || typeof id !== "string") return undefined;
  const salt = salts.find(id);
  const recordedBytes = Number(commitments?.[`${part}_bytes`]);
  if (!salt) return { verdict: "erased", seq, recordedBytes };
  return { verdict: verifyCommitment(salt, body, text) ? "same" : "other", seq, recordedBytes };
}
