/** Opens the checkpoints that are held against a stream: the directory's own file, notes kept outside, and joins. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isJoin, openJoin } from "../join-note.ts";
import type { VerifierKey } from "../verifier-key.ts";
import type { Anchor } from "./anchors.ts";
import { openCheckpoint } from "./checkpoint-check.ts";
import type { FindingList } from "./finding.ts";
import { VerifyError } from "./trusted-keys.ts";

/** A signed note that was kept where the ledger's writer could not change it. */
export interface OutsideCheckpoint {
  /** Its file. */
  readonly name: string;
  readonly note: string;
  /** Of a note over several streams: the list that was written beside it. */
  readonly streams?: string | undefined;
}

/** Where the list of a join stands: beside it, under its name and this. */
export const STREAMS_SUFFIX = ".streams";

/** Reads a note and, where there is one, the list beside it. Throws a VerifyError. */
export async function readOutsideCheckpoint(path: string): Promise<OutsideCheckpoint> {
  const note = await textOf(path);
  if (note === undefined)
    throw new VerifyError("verify.checkpoint", `${path}: there is no such file`);
  return { name: path, note, streams: await textOf(path + STREAMS_SUFFIX) };
}

const OWN_NAME = "checkpoint";

/** The directory's own file `checkpoint`, which is there unless the ledger is brand-new. */
export function readOwnNote(directory: string): Promise<string | undefined> {
  return textOf(join(directory, OWN_NAME));
}

/** Opened; a forged one is a finding. */
export function ownAnchor(
  note: string | undefined,
  keys: readonly VerifierKey[],
  findings: FindingList,
): Anchor[] {
  if (note === undefined) return [];
  const opened = openCheckpoint(note, keys);
  if (opened.is === "trusted") {
    return [{ name: OWN_NAME, checkpoint: opened.checkpoint, isOutside: false }];
  }
  const detail = opened.is === "forged" ? opened.why : undefined;
  findings.add("checkpoint_forged", { place: { file: OWN_NAME }, detail });
  return [];
}

export interface OutsideKeys {
  readonly keys: readonly VerifierKey[];
  /** Of whoever signed joins. */
  readonly joinKeys: readonly VerifierKey[];
}

/** An outside note that the stream's keys did not sign is a finding; one that is no note at all throws a VerifyError. */
export function outsideAnchors(
  given: readonly OutsideCheckpoint[],
  { keys, joinKeys }: OutsideKeys,
  findings: FindingList,
): Anchor[] {
  return given.flatMap((outside): Anchor[] => {
    const { name } = outside;
    const note = isJoin(outside.note) ? noteWithin(outside, joinKeys, keys) : outside.note;
    const opened = openCheckpoint(note, keys);
    if (opened.is === "trusted") return [{ name, checkpoint: opened.checkpoint, isOutside: true }];
    if (opened.is === "unknown") findings.add("key_mismatch", { place: { file: name } });
    else findings.add("checkpoint_forged", { place: { file: name }, detail: opened.why });
    return [];
  });
}

/** The stream's note within a join. */
function noteWithin(
  { name, note, streams }: OutsideCheckpoint,
  joinKeys: readonly VerifierKey[],
  keys: readonly VerifierKey[],
): string {
  try {
    const joined = openJoin(note, streams, joinKeys);
    const own = joined.find(({ origin }) => keys.some((key) => key.name === origin));
    if (own) return own.note;
  } catch (error) {
    throw new VerifyError("verify.checkpoint", `${name}: ${(error as Error).message}`, error);
  }
  const why = `${name}: it joins other streams than that of ${keys.map((key) => key.name).join(", ")}`;
  throw new VerifyError("verify.checkpoint", why);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const why = `${path}: ${(error as Error).message}; check that this user may read it`;
    throw new VerifyError("verify.checkpoint", why, error);
  }
}
