/**
 * The file that says which pack is active and which releases have been: replaced whole, so that a crash leaves the old
 * or the new. The packs in it are signed and are verified again; what protects the rest is that only the gateway's
 * account may write it.
 */
import { open } from "node:fs/promises";
import { asObject } from "../sign/strict-object.ts";
import { isPackHash, packHash } from "../sign/pack-hash.ts";
import type { SignedSource } from "../sign/trust.ts";
import { replaceFile } from "./durable-file.ts";
import { LifeRefused, reasonOf } from "./life-error.ts";
import type { HighestRelease } from "./loaded-pack.ts";
import type { FileDigests } from "./pack-files.ts";

/** A pack as it was verified, and the name it has for ever. */
export interface StoredPack {
  readonly blake3: string;
  readonly source: SignedSource;
}

export interface ConstitutionState {
  readonly active: StoredPack;
  readonly prev?: StoredPack | undefined;
  readonly highest?: HighestRelease | undefined;
  /** Which candidate was loaded, to be loaded again after a restart. */
  readonly candidate?: { readonly stage: "next" | "canary"; readonly blake3: string } | undefined;
  /** The pack's files are still to be made what `active` is; this is how they were when that was decided. */
  readonly unfinished?: FileDigests | undefined;
}

const FORMAT = "portcullis-constitution/1";
const FILE_MODE = 0o600;

/** Two packs of the largest size in base64, and room. Raised, a planted file costs that much memory at start. */
const STATE_LIMIT_BYTES = 16_777_216;

export class StateFile {
  readonly path: string;
  /** Hash of what this process last saw in the file; undefined when there was none. */
  #seen: string | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined where there is no file. Throws `life.state_unreadable`. */
  async read(): Promise<ConstitutionState | undefined> {
    const text = await this.#text();
    this.#seen = text === undefined ? undefined : packHash(Buffer.from(text));
    if (text === undefined) return undefined;
    const state = parseState(text);
    if (state === undefined)
      throw this.#unreadable("it is damaged, or not what this program writes");
    return state;
  }

  /**
   * Replaces the file. Throws `life.state_changed` when somebody else has, and `life.state_unwritable`; the old one is
   * there then.
   */
  async write(state: ConstitutionState): Promise<"durable" | "unsynced"> {
    const standing = await this.#text();
    const isAsSeen = standing === undefined ? undefined : packHash(Buffer.from(standing));
    if (isAsSeen !== this.#seen)
      throw new LifeRefused(
        "life.state_changed",
        `${this.path}: another process writes it; give each gateway a state file of its own, and restart this one`,
      );
    const text = printState(state);
    try {
      const result = await replaceFile(this.path, text, FILE_MODE);
      this.#seen = packHash(Buffer.from(text));
      return result;
    } catch (error) {
      throw new LifeRefused(
        "life.state_unwritable",
        `${this.path}: ${reasonOf(error)}; make its folder writable with free space`,
      );
    }
  }

  async #text(): Promise<string | undefined> {
    try {
      const file = await open(this.path, "r");
      try {
        const stats = await file.stat();
        if (!stats.isFile()) throw new Error("it is not a regular file");
        if (stats.size > STATE_LIMIT_BYTES) throw new Error(`it has ${stats.size} bytes`);
        return await file.readFile("utf8");
      } finally {
        await file.close();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw this.#unreadable(reasonOf(error));
    }
  }

  #unreadable(why: string): LifeRefused {
    return new LifeRefused(
      "life.state_unreadable",
      `${this.path}: ${why}; without it an old release could come back. Restore it, or remove it and compare the releases yourself`,
    );
  }
}

/** One line of JSON, and its hash on a second: half a file, or one that was edited by hand, is not taken for whole. */
function printState({ active, prev, highest, candidate, unfinished }: ConstitutionState): string {
  const line = JSON.stringify({
    format: FORMAT,
    active: printPack(active),
    prev: prev && printPack(prev),
    highest,
    candidate,
    unfinished,
  });
  return `${line}\n${packHash(Buffer.from(line))}\n`;
}

function printPack({ blake3, source: { signature, yaml } }: StoredPack): object {
  return { blake3, signature: toBase64(signature), yaml: yaml && toBase64(yaml) };
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function parseState(text: string): ConstitutionState | undefined {
  const [line = "", hash, ...rest] = text.split("\n");
  if (rest.length !== 1 || hash !== packHash(Buffer.from(line))) return undefined;
  const value = asObject(parseJson(line)) ?? {};
  const active = packOf(value["active"]);
  if (value["format"] !== FORMAT || active === undefined) return undefined;
  const { prev, highest, candidate, unfinished } = value;
  const isWhole =
    (prev === undefined || packOf(prev) !== undefined) &&
    (highest === undefined || isHighest(highest)) &&
    (candidate === undefined || isCandidate(candidate)) &&
    (unfinished === undefined || isDigests(unfinished));
  if (!isWhole) return undefined;
  return {
    active,
    prev: packOf(prev),
    highest: highest as HighestRelease | undefined,
    candidate: candidate as ConstitutionState["candidate"],
    unfinished: unfinished as FileDigests | undefined,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function packOf(value: unknown): StoredPack | undefined {
  const { blake3, signature, yaml } = asObject(value) ?? {};
  if (!isHash(blake3) || typeof signature !== "string") return undefined;
  if (yaml !== undefined && typeof yaml !== "string") return undefined;
  const source = {
    signature: Buffer.from(signature, "base64"),
    ...(yaml !== undefined && { yaml: Buffer.from(yaml, "base64") }),
  };
  return { blake3, source };
}

function isHighest(value: unknown): boolean {
  const { name, version, blake3 } = asObject(value) ?? {};
  return typeof name === "string" && Number.isSafeInteger(version) && isHash(blake3);
}

function isCandidate(value: unknown): boolean {
  const { stage, blake3 } = asObject(value) ?? {};
  return (stage === "next" || stage === "canary") && isHash(blake3);
}

function isDigests(value: unknown): boolean {
  const { signature, yaml } = asObject(value) ?? {};
  return typeof signature === "string" && (yaml === undefined || typeof yaml === "string");
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && isPackHash(value);
}
