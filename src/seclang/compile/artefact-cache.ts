/**
 * Keeps on disk what is slow to work out of a rule set. It only ever saves time: a file that is missing, damaged, of another
 * release or of other rules is passed over and written anew. Who may write there decides what is blocked: keep it private.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { ParsedText } from "./parsed-texts.ts";
import type { RuleSetArtefact } from "./rule-set.ts";

/** Raise it with every change of what an artefact holds or how it is worked out; that counts the parser of rules in. */
const ARTEFACT_VERSION = 4;
/** WHY also the release: should somebody forget, a new one does not believe what an old one read. */
const { version: RELEASE } = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
) as { readonly version: string };
const DIGEST_BYTES = 32;
const OWNER_ONLY = 0o700;
const OWNER_FILE = 0o600;
const OTHERS_MAY_WRITE = 0o022;

/** What is kept of a load. */
export interface KeptLoad {
  readonly texts: readonly ParsedText[];
  readonly ruleSet: RuleSetArtefact;
}

export class ArtefactCache {
  readonly #directory: string;
  readonly #path: string;

  /** `identity`: what tells one list of rule sources from another. */
  constructor(directory: string, identity: string) {
    const name = createHash("sha256")
      .update(`${RELEASE}\0${ARTEFACT_VERSION}\0${identity}`)
      .digest("hex");
    this.#directory = directory;
    this.#path = join(directory, `${name}.seclang`);
  }

  /** What was kept, or undefined when there is nothing that can be trusted. */
  read(): KeptLoad | undefined {
    try {
      if ((statSync(this.#directory).mode & OTHERS_MAY_WRITE) !== 0) return undefined;
      const bytes = readFileSync(this.#path);
      const payload = bytes.subarray(DIGEST_BYTES);
      if (!digestOf(payload).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
      const { texts, ruleSet } = deserialize(payload) as StoredLoad;
      return { texts: JSON.parse(texts) as KeptLoad["texts"], ruleSet };
    } catch {
      return undefined;
    }
  }

  /** Keeps the load; that it cannot be kept is no reason not to serve. */
  write({ texts, ruleSet }: KeptLoad): void {
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: OWNER_ONLY });
      const stored: StoredLoad = { texts: JSON.stringify(texts), ruleSet };
      const payload = serialize(stored);
      writeFileSync(temporary, Buffer.concat([digestOf(payload), payload]), { mode: OWNER_FILE });
      renameSync(temporary, this.#path);
    } catch {
      removeIfThere(temporary);
    }
  }
}

/** WHY JSON within: V8 reads a tree of many small objects from it in half the time. */
interface StoredLoad {
  readonly texts: string;
  readonly ruleSet: RuleSetArtefact;
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
