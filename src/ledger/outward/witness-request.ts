/**
 * One request to a witness (https://c2sp.org/tlog-witness, "add-checkpoint"): what is sent, and what each answer means.
 * A cosignature is passed on only after it verified.
 */
import { openNote, type NoteVerifier } from "../signed-note.ts";
import { callHttp, type HttpAnswer } from "./http-call.ts";
import { OutwardError } from "./outward-error.ts";

/** "The client MUST NOT send more than 63 consistency proof lines." */
const PROOF_LIMIT_LINES = 63;
/** A few signature lines of at most 4 kB each. */
const ANSWER_LIMIT_BYTES = 65_536;
/** Longest time for one witness. Raised, one that hangs delays the cosignatures of all. */
export const DEFAULT_WITNESS_LIMIT_MS = 10_000;

export interface Witness {
  /** The submission prefix: `/add-checkpoint` is put behind it. */
  readonly url: string;
  /** Its keys; those of a witness that signs with two are two. */
  readonly keys: readonly NoteVerifier[];
  readonly limitMs?: number;
  /** Authorities (PEM) for its certificate, instead of the system's. */
  readonly ca?: string;
}

export interface AddCheckpoint {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  readonly note: string;
}

export type WitnessAnswer =
  | { readonly kind: "cosigned"; /** Signature lines, each with its LF. */ readonly lines: string }
  /** It last cosigned another size than `oldSize`. */
  | { readonly kind: "conflict"; readonly size: number };

/** Throws an OutwardError for every other answer, and for none. */
export async function addCheckpoint(
  witness: Witness,
  request: AddCheckpoint,
  signal: AbortSignal,
): Promise<WitnessAnswer> {
  if (request.proof.length > PROOF_LIMIT_LINES)
    throw new OutwardError("witness.bad_answer", `a proof has at most ${PROOF_LIMIT_LINES} hashes`);
  const proof = request.proof.map((hash) => `${Buffer.from(hash).toString("base64")}\n`).join("");
  const body = Buffer.from(`old ${request.oldSize}\n${proof}\n${request.note}`, "utf8");
  const limitMs = witness.limitMs ?? DEFAULT_WITNESS_LIMIT_MS;
  const answer = await callHttp({
    method: "POST",
    url: new URL(`${witness.url.replace(/\/+$/, "")}/add-checkpoint`),
    headers: { "content-type": "text/plain; charset=utf-8", "content-length": String(body.length) },
    body,
    idleLimitMs: limitMs,
    limitMs,
    limitBytes: ANSWER_LIMIT_BYTES,
    ca: witness.ca,
    signal,
  });
  return readAnswer(witness, request, answer);
}

function readAnswer(witness: Witness, request: AddCheckpoint, answer: HttpAnswer): WitnessAnswer {
  const text = answer.body.toString("utf8");
  switch (answer.status) {
    case 200:
      return { kind: "cosigned", lines: verifiedLines(witness, request.note, text) };
    case 409:
      return { kind: "conflict", size: sizeOf(witness, text) };
    case 404:
      throw new OutwardError(
        "witness.unknown_log",
        `${witness.url} does not know this ledger: its operator must add the origin and the verifier key (file public-key)`,
      );
    case 403:
      throw new OutwardError(
        "witness.refused",
        `${witness.url} does not take this ledger's signature: was the signing key changed?`,
      );
    case 422:
      throw new OutwardError(
        "witness.inconsistent",
        `${witness.url} says that this ledger does not continue what it cosigned (size ${request.oldSize}): it was rewritten, or another one has the same origin and key. Verify it`,
      );
    default:
      throw new OutwardError(
        "witness.bad_answer",
        `${witness.url} answered ${answer.status}, which tlog-witness does not define`,
      );
  }
}

function sizeOf(witness: Witness, text: string): number {
  const size = /^(0|[1-9]\d{0,15})\n$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new OutwardError("witness.bad_answer", `${witness.url} answered 409 without its size`);
}

/** "The client MUST ignore any cosignatures from unknown keys." */
function verifiedLines(witness: Witness, note: string, text: string): string {
  const known = new Map<NoteVerifier, string>();
  for (const line of text.split("\n")) {
    const [dash, name, base64] = line.split(" ");
    if (dash !== "\u2014" || base64 === undefined) continue;
    const signature = Buffer.from(base64, "base64");
    if (signature.length < 12 || signature.readBigUInt64BE(4) === 0n) continue;
    const id = signature.readUInt32BE(0);
    const key = witness.keys.find((one) => one.name === name && one.keyId === id);
    if (key !== undefined && !known.has(key)) known.set(key, `${line}\n`);
  }
  const lines = [...known.values()].join("");
  try {
    openNote(`${textOf(note)}\n${lines}`, [...known.keys()]);
  } catch (error) {
    throw new OutwardError(
      "witness.bad_answer",
      `${witness.url} answered without a cosignature by ${witness.keys.map((key) => key.name).join(" or ")} that verifies`,
      { cause: error },
    );
  }
  return lines;
}

/** The text of a note, with its last LF. */
const textOf = (note: string): string => note.slice(0, note.lastIndexOf("\n\n") + 1);
