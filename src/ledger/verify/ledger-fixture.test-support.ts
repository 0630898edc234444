/** Small ledgers of several segments, made with the stream alone, to be damaged by tests. Deterministic but for the keys. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { checkpointText, type Checkpoint } from "../checkpoint.ts";
import { signNote } from "../signed-note.ts";
import { createSigningKeyPem, readSigningKey, type SigningKey } from "../signing-key.ts";
import { EMPTY_STATE, Stream } from "../stream.ts";

export const ORIGIN = "gateway-1.example.bank";

export const newKey = (origin = ORIGIN): SigningKey =>
  readSigningKey(createSigningKeyPem(), origin);

export interface FixtureOptions {
  readonly key: SigningKey;
  readonly sign?: "checkpoint" | "entry";
  readonly segments?: number;
  /** Groups of each segment, and entries of each group. */
  readonly groups?: number;
  readonly entries?: number;
  /** Members of an entry, `"kind":"..."` first. */
  readonly members?: (seq: number) => string;
  /** Notes at other moments than the writer's, by their size. */
  readonly noteAt?: readonly number[];
  /** Another note for the checkpoint line that covers so many lines. */
  readonly forge?: ((checkpoint: Checkpoint) => string | undefined) | undefined;
  /** Segments that the first line of the last segment says were removed. */
  readonly isRetained?: boolean;
}

export interface LedgerFixture {
  readonly key: SigningKey;
  /** Lines with their LF, by segment. */
  readonly segments: readonly (readonly Buffer[])[];
  /** The file `checkpoint`: of all lines. */
  readonly note: string;
  /** By size. */
  readonly notes: ReadonlyMap<number, string>;
  readonly size: number;
}

const members = (seq: number): string =>
  `"kind":"decision","request_id":"r-${seq}","path":"/{model}/predict","caller":"münze","decision":"${seq % 3 === 0 ? "deny" : "allow"}","status":200`;

export function makeLedger(options: FixtureOptions): LedgerFixture {
  return new FixtureWriter(options).write();
}

class FixtureWriter {
  readonly #options: FixtureOptions;
  readonly #stream: Stream;
  readonly #segments: Buffer[][] = [];
  readonly #notes = new Map<number, string>();
  #removed: string[] = [];
  #firstSeq = 0;
  #nowUs = 1_795_000_000_000_000;

  constructor(options: FixtureOptions) {
    this.#options = options;
    const { key, sign = "checkpoint" } = options;
    this.#stream = new Stream(EMPTY_STATE(), { key, sign, nowUs: () => (this.#nowUs += 250) });
  }

  write(): LedgerFixture {
    const { segments = 3, groups = 2, entries = 3 } = this.#options;
    for (let segment = 0; segment < segments; segment += 1) {
      this.#open(segment);
      for (let group = 0; group < groups; group += 1) this.#group(entries);
      this.#close(segment, segment === segments - 1);
    }
    const size = this.#stream.nextSeq;
    const note = this.#notes.get(size) as string;
    return { key: this.#options.key, segments: this.#segments, note, notes: this.#notes, size };
  }

  #open(segment: number): void {
    const { head, tree, nextSeq } = this.#stream;
    const previous =
      segment === 0 ? null : { segment: segment - 1, lines: nextSeq - this.#firstSeq, head };
    const open = {
      kind: "open",
      segment,
      reason: segment === 0 ? "start" : "rotation",
      gateway: this.#options.key.origin,
      writer: "test",
      public_key: this.#options.key.verifierKey,
      previous,
      tree: {
        size: tree.size,
        root: tree.root().toString("base64"),
        frontier: tree.frontier().map((hash) => hash.toString("base64")),
      },
    };
    this.#firstSeq = nextSeq;
    this.#segments.push([]);
    this.#seal(JSON.stringify(open).slice(1, -1));
    if (this.#options.isRetained === true && this.#removed.length > 1) {
      this.#seal(`"kind":"retention","removed":[${this.#removed.join(",")}]`);
    }
    this.#checkpoint();
  }

  #group(entries: number): void {
    for (let entry = 0; entry < entries; entry += 1) {
      this.#seal((this.#options.members ?? members)(this.#stream.nextSeq));
    }
    this.#checkpoint();
  }

  #close(segment: number, isLast: boolean): void {
    const { nextSeq } = this.#stream;
    const lines = nextSeq - this.#firstSeq + 1;
    const close = { kind: "close", segment, reason: isLast ? "stop" : "rotation", lines };
    this.#seal(JSON.stringify(close).slice(1, -1));
    const removed = {
      segment,
      first_seq: this.#firstSeq,
      last_seq: nextSeq,
      head: this.#stream.head,
      root: this.#stream.tree.root().toString("base64"),
    };
    this.#removed.push(JSON.stringify(removed));
    this.#note();
  }

  #seal(text: string): void {
    this.#segments.at(-1)?.push(this.#stream.seal(text));
    if (this.#options.noteAt?.includes(this.#stream.nextSeq) === true) this.#note();
  }

  #checkpoint(): void {
    const forged = this.#options.forge?.(this.#checkpointNow());
    if (forged !== undefined) {
      this.#seal(`"kind":"checkpoint","note":${JSON.stringify(forged)}`);
      return;
    }
    const { line, note, size } = this.#stream.sealCheckpoint();
    this.#segments.at(-1)?.push(line);
    this.#notes.set(size, note);
    if (this.#options.noteAt?.includes(size + 1) === true) this.#note();
  }

  #note(): void {
    const checkpoint = this.#checkpointNow();
    const note = signNote(checkpointText(checkpoint), this.#options.key.signer);
    this.#notes.set(checkpoint.size, note);
  }

  #checkpointNow(): Checkpoint {
    const { nextSeq: size, head: chain, tree } = this.#stream;
    return { origin: this.#options.key.origin, size, root: tree.root(), chain };
  }
}

export interface DirectoryContent {
  /** By file name; a segment as its lines, or as bytes. */
  readonly segments: ReadonlyMap<string, Buffer>;
  readonly note?: string | undefined;
  readonly publicKey?: string | undefined;
}

export const segmentName = (segment: number): string =>
  `${String(segment).padStart(8, "0")}.ndjson`;

/** The files of a fixture, to be changed before they are written. */
export function filesOf({ segments }: Pick<LedgerFixture, "segments">): Map<string, Buffer> {
  return new Map(segments.map((lines, segment) => [segmentName(segment), Buffer.concat(lines)]));
}

/** Writes a directory; names that end in .gz are packed. */
export function writeDirectory(
  content: DirectoryContent,
  directory = temporaryDirectory(),
): string {
  for (const [name, bytes] of content.segments) {
    writeFileSync(join(directory, name), name.endsWith(".gz") ? gzipSync(bytes) : bytes);
  }
  if (content.note !== undefined) writeFileSync(join(directory, "checkpoint"), content.note);
  if (content.publicKey !== undefined) {
    writeFileSync(join(directory, "public-key"), `${content.publicKey}\n`);
  }
  return directory;
}

const made: string[] = [];

/** Removed by `removeDirectories`. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "portcullis-ledger-"));
  made.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}
