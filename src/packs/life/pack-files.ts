/**
 * The files of the active pack and of its candidate: where operators lay packs down, and where a promotion arrives. It
 * must never throw away what somebody wrote, nor leave a pack.json beside the YAML of another for longer than a rename.
 */
import { rename, rm } from "node:fs/promises";
import { parse as parsePath } from "node:path";
import { FileRefused, readBounded } from "../../config/read-bounded.ts";
import { ENVELOPE_LIMIT_BYTES } from "../sign/dsse.ts";
import { packHash } from "../sign/pack-hash.ts";
import type { SignedSource } from "../sign/trust.ts";
import { stageFile, syncDirectoryOf, type StagedFile } from "./durable-file.ts";
import { LifeRefused, reasonOf, type LifeErrorCode } from "./life-error.ts";

/** Paths of one pack: `pack.json` and its YAML, or a DSSE envelope alone. */
export interface PackPaths {
  readonly signature: string;
  readonly yaml?: string | undefined;
}

/** Digests of what stands in the active files, or `ABSENT`. */
export interface FileDigests {
  readonly signature: string;
  readonly yaml?: string;
}

/** Stands for the digest of a file that is not there or cannot be read. */
const ABSENT = "absent";

/** Behind the name of a file that was not the active pack's when another took its place. */
const SET_ASIDE_SUFFIX = ".replaced";

/** Packs are no secret, and other gateways may be installed from the same folder. */
const FILE_MODE = 0o644;

/** One file of the pack, and what it is to hold. */
interface Target {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export class PackFiles {
  readonly #active: PackPaths;
  readonly #candidate: PackPaths;

  constructor(active: PackPaths) {
    this.#active = active;
    this.#candidate = {
      signature: candidatePath(active.signature),
      ...(active.yaml !== undefined && { yaml: candidatePath(active.yaml) }),
    };
  }

  /** Throws `life.file_missing`, `life.file_unreadable` or `life.file_too_large`. */
  readActive(): Promise<SignedSource> {
    return readSource(this.#active);
  }

  /** The same, of the candidate's. */
  readCandidate(): Promise<SignedSource> {
    return readSource(this.#candidate);
  }

  async digests(): Promise<FileDigests> {
    const { signature, yaml } = this.#active;
    return {
      signature: await digestOf(signature),
      ...(yaml !== undefined && { yaml: await digestOf(yaml) }),
    };
  }

  /** Writes the pack beside the active files. Throws `life.files_unwritable`. */
  async stage(source: SignedSource): Promise<StagedFile[]> {
    const staged: StagedFile[] = [];
    try {
      for (const { path, bytes } of targetsOf(this.#active, source))
        staged.push(await stageFile(path, bytes, FILE_MODE));
      return staged;
    } catch (error) {
      await discardAll(staged);
      throw new LifeRefused(
        "life.files_unwritable",
        `the pack's files cannot be replaced: ${reasonOf(error)}; make their folder writable, or replace them yourself and reload`,
      );
    }
  }

  /**
   * Puts what was staged in place; what stood there and was not of `former` is kept under another name, which is
   * returned. The candidate's files are removed when they hold just what has become active.
   */
  async finish(
    staged: readonly StagedFile[],
    source: SignedSource,
    former: SignedSource | undefined,
  ): Promise<string[]> {
    const setAside: string[] = [];
    const before = former && targetsOf(this.#active, former);
    for (const [at, file] of staged.entries()) {
      const standing = await digestOf(file.path);
      const isExpected =
        standing === ABSENT ||
        standing === digestOfBytes(before?.[at]?.bytes) ||
        standing === digestOfBytes(targetsOf(this.#active, source)[at]?.bytes);
      if (!isExpected) {
        const aside = `${file.path}${SET_ASIDE_SUFFIX}`;
        await rename(file.path, aside);
        setAside.push(aside);
      }
      await file.commit();
    }
    for (const { path } of staged) await syncDirectoryOf(path);
    for (const { path, bytes } of targetsOf(this.#candidate, source))
      if ((await digestOf(path)) === digestOfBytes(bytes)) await rm(path, { force: true });
    return setAside;
  }

  /** Whether each active file is as it was, or already as it shall be: then nobody else has written it. */
  async isUntouchedSince(before: FileDigests, source: SignedSource): Promise<boolean> {
    const now = await this.digests();
    return targetsOf(this.#active, source).every(({ bytes }, at) => {
      const standing = at === 0 ? now.signature : now.yaml;
      const earlier = at === 0 ? before.signature : before.yaml;
      return standing === ABSENT || standing === earlier || standing === digestOfBytes(bytes);
    });
  }
}

export async function discardAll(staged: readonly StagedFile[]): Promise<void> {
  for (const file of staged) await file.discard();
}

/** `pack.json` to `pack.next.json`, `x.dsse.json` to `x.dsse.next.json`; a name without an extension gets it behind. */
export function candidatePath(path: string): string {
  const { dir, name, ext } = parsePath(path);
  const file = `${name}.next${ext}`;
  return dir === "" ? file : `${dir.replace(/\/$/, "")}/${file}`;
}

async function readSource({ signature, yaml }: PackPaths): Promise<SignedSource> {
  return {
    signature: await readPackFile(signature),
    ...(yaml !== undefined && { yaml: await readPackFile(yaml) }),
  };
}

async function readPackFile(path: string): Promise<Buffer> {
  try {
    return (await readBounded(path, ENVELOPE_LIMIT_BYTES)).bytes;
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    throw new LifeRefused(codeOf(error), `${path} ${error.message}`);
  }
}

function codeOf({ code }: FileRefused): LifeErrorCode {
  if (code === "ENOENT") return "life.file_missing";
  return code === "TOO_LARGE" ? "life.file_too_large" : "life.file_unreadable";
}

function targetsOf(paths: PackPaths, { signature, yaml }: SignedSource): Target[] {
  const targets = [{ path: paths.signature, bytes: signature }];
  if (paths.yaml !== undefined && yaml !== undefined)
    targets.push({ path: paths.yaml, bytes: yaml });
  return targets;
}

async function digestOf(path: string): Promise<string> {
  try {
    return packHash((await readBounded(path, ENVELOPE_LIMIT_BYTES)).bytes);
  } catch {
    return ABSENT;
  }
}

function digestOfBytes(bytes: Uint8Array | undefined): string | undefined {
  return bytes && packHash(bytes);
}
