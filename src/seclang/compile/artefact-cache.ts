/**
 * Keeps on disk what is slow to work out of a rule set. It only ever saves time: a file that is missing, damaged, of another
 * release or of other rules is passed over and written anew. Who may write there decides what is blocked: keep it private.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { RuleSetArtefact } from "./rule-set.ts";

/** Raise it with every change of what an artefact holds or how it is worked out. */
const ARTEFACT_VERSION = 3;
const DIGEST_BYTES = 32;
const OWNER_ONLY = 0o700;
const OWNER_FILE = 0o600;
const OTHERS_MAY_WRITE = 0o022;

export class ArtefactCache {
  readonly #directory: string;
  readonly #path: string;

  /** `identity`: what tells one list of rule sources from another. */
  constructor(directory: string, identity: string) {
    const name = createHash("sha256").update(`${ARTEFACT_VERSION}\0${identity}`).digest("hex");
    this.#directory = directory;
    this.#path = join(directory, `${name}.seclang`);
  }

  /** The artefact, or undefined when there is none that can be trusted. */
  read(): RuleSetArtefact | undefined {
    try {
      if ((statSync(this.#directory).mode & OTHERS_MAY_WRITE) !== 0) return undefined;
      const bytes = readFileSync(this.#path);
      const payload = bytes.subarray(DIGEST_BYTES);
      if (!digestOf(payload).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
      return deserialize(payload) as RuleSetArtefact;
    } catch {
      return undefined;
    }
  }

  /** Keeps the artefact; that it cannot be kept is no reason not to serve. */
  write(artefact: RuleSetArtefact): void {
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: OWNER_ONLY });
      const payload = serialize(artefact);
      writeFileSync(temporary, Buffer.concat([digestOf(payload), payload]), { mode: OWNER_FILE });
      renameSync(temporary, this.#path);
    } catch {
      removeIfThere(temporary);
    }
  }
}

function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where nothing can be removed nothing was written.
  }
}

function digestOf(payload: Uint8Array): Buffer {
  return createHash("sha256").update(payload).digest();
}
