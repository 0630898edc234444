/** A ledger's directory as a writer leaves it, made line by line, for tests of what reads it from outside. */
import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { leafHash } from "../hashing.ts";
import { ProofBuilder } from "../merkle/make-proof.ts";
import { createSigningKeyPem, readSigningKey, type SigningKey } from "../signing-key.ts";
import { EMPTY_STATE, Stream, type StreamState } from "../stream.ts";
import type { ClosedSegment } from "../write/ledger-options.ts";

/** Noon, an hour before midnight would move the day of a key. */
const START_US = Date.UTC(2026, 10, 22, 12) * 1_000;
const LINE_US = 1_000;

export const TEST_ORIGIN = "gateway.example/eu-1";

export interface TestLedger {
  readonly directory: string;
  readonly key: SigningKey;
  /** The newest note and its tree's size. */
  readonly note: string;
  readonly size: number;
  path(segment: number, suffix?: string): string;
  /** Decisions as one group, with the checkpoint line behind; the file `checkpoint` is replaced. */
  append(count: number, members?: (index: number) => string): Promise<void>;
  /** Lines without a checkpoint: not durable as far as anyone may know. */
  appendLoose(count: number): Promise<void>;
  /** Bytes as a failed write leaves them. */
  appendRaw(bytes: Buffer): Promise<void>;
  /** Closes the segment and opens the next. */
  rotate(): Promise<ClosedSegment>;
  /** Goes on in a new segment from where the stream stood; what was loose is set aside. */
  failOver(): Promise<void>;
  /** Ends the stream in order: a last line, and a note that covers it without a line of its own. */
  end(): Promise<void>;
  /** A line as it would come next, with its LF; not written, and the stream is of no further use. */
  nextLine(members: string): string;
  compress(segment: number): Promise<void>;
  consistencyProof(oldSize: number, newSize: number): Promise<Buffer[]>;
  /** Every line that counts, without LFs. */
  readonly lines: readonly string[];
  remove(): Promise<void>;
}

export const decisionMembers = (index: number): string =>
  `"kind":"decision","request_id":"req-${index}","who":{"tenant":"retail"},"decision":"${index % 3 === 2 ? "deny" : "allow"}","status":200,"stage":"upstream","code":"ok"`;

export async function createTestLedger(options: { key?: SigningKey } = {}): Promise<TestLedger> {
  const directory = await mkdtemp(join(tmpdir(), "portcullis-outward-"));
  const key = options.key ?? readSigningKey(createSigningKeyPem(), TEST_ORIGIN);
  let nowUs = START_US;
  const streamOf = (state: StreamState): Stream =>
    new Stream(state, { key, sign: "checkpoint", nowUs: () => (nowUs += LINE_US) });
  let stream = streamOf(EMPTY_STATE());
  let durable = stream.state;
  let segment = 0;
  let firstSeq = 0;
  let note = "";
  let size = 0;
  let count = 0;
  const lines: string[] = [];
  const pathOf = (number: number, suffix = ""): string =>
    join(directory, `${String(number).padStart(8, "0")}.ndjson${suffix}`);

  const writeLines = async (sealed: readonly Buffer[]): Promise<void> => {
    lines.push(...sealed.map((line) => line.toString("utf8").trimEnd()));
    await appendFile(pathOf(segment), Buffer.concat(sealed));
  };
  const writeGroup = async (members: readonly string[]): Promise<void> => {
    const sealed = members.map((one) => stream.seal(one));
    const checkpoint = stream.sealCheckpoint();
    await writeLines([...sealed, checkpoint.line]);
    ({ note, size } = checkpoint);
    durable = stream.state;
    await publish();
  };
  const publish = async (): Promise<void> => {
    await writeFile(join(directory, "checkpoint.tmp"), note);
    await rename(join(directory, "checkpoint.tmp"), join(directory, "checkpoint"));
  };
  const open = (reason: string): string =>
    `"kind":"open","segment":${segment},"reason":"${reason}"`;

  await writeGroup([open("start")]);
  return {
    directory,
    key,
    lines,
    get note() {
      return note;
    },
    get size() {
      return size;
    },
    path: pathOf,
    append: (number, members = decisionMembers) =>
      writeGroup(Array.from({ length: number }, () => members(count++))),
    async appendLoose(number) {
      const sealed = Array.from({ length: number }, () => stream.seal(decisionMembers(count++)));
      await appendFile(pathOf(segment), Buffer.concat(sealed));
    },
    appendRaw: (bytes) => appendFile(pathOf(segment), bytes),
    async rotate() {
      await writeGroup([]);
      await writeLines([stream.seal(`"kind":"close","segment":${segment},"reason":"rotation"`)]);
      const path = pathOf(segment);
      const closed = { path, segment, firstSeq, lastSeq: stream.nextSeq - 1 };
      segment++;
      firstSeq = stream.nextSeq;
      await writeGroup([open("rotation")]);
      return closed;
    },
    async failOver() {
      stream = streamOf(durable);
      segment++;
      firstSeq = stream.nextSeq;
      await writeGroup([open("recovery")]);
    },
    async end() {
      await writeLines([stream.seal(`"kind":"close","segment":${segment},"reason":"stop"`)]);
      const copy = streamOf(stream.state);
      ({ note, size } = copy.sealCheckpoint());
      await publish();
    },
    nextLine: (members) => stream.seal(members).toString("utf8"),
    async compress(number) {
      await writeFile(pathOf(number, ".gz"), gzipSync(await readFile(pathOf(number))));
      await rm(pathOf(number));
    },
    async consistencyProof(oldSize, newSize) {
      const builder = ProofBuilder.consistency({ size1: oldSize, size2: newSize });
      for (const line of lines.slice(0, newSize)) builder.append(leafHash(Buffer.from(line)));
      return builder.proof();
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
