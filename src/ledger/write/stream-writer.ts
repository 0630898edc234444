/**
 * The stream on disk: seals entries in groups, makes each group durable with one write and one sync, and goes on in a
 * new segment by size, age or failure. It must never say that a group is durable before the disk did, nor write on
 * behind a failure. All calls block: it lives in a thread of its own.
 */
import { checkpointText } from "../checkpoint.ts";
import { LINE_LIMIT_BYTES, LineError } from "../line.ts";
import { signNote } from "../signed-note.ts";
import type { SigningKey } from "../signing-key.ts";
import { Stream, type StreamState } from "../stream.ts";
import { ActiveSegment, SegmentFailure, type SegmentFailureCause } from "./active-segment.ts";
import { CheckpointPublisher } from "./checkpoint-publisher.ts";
import { reasonOf } from "./ledger-error.ts";
import type { ClosedSegment, LedgerEvent, WriterSettings } from "./ledger-options.ts";
import { openMembers, type OpenReason, type PreviousSegment, type SetAside } from "./open-line.ts";
import { SegmentTally } from "./segment-tally.ts";
import type { NewestNote } from "./thread-messages.ts";

/** Where a start found the stream. */
export interface StreamPosition {
  readonly state: StreamState;
  readonly previous: PreviousSegment | undefined;
  readonly nextSegment: number;
  /** Members of `recovered` lines that the new segment must begin with. */
  readonly recovered: readonly string[];
}

export interface StreamWriterOptions {
  readonly settings: WriterSettings;
  readonly key: SigningKey;
  readonly nowUs: () => number;
  readonly onEvent: (event: LedgerEvent) => void;
  /** A segment that is still where it was written. */
  readonly onClosed: (segment: ClosedSegment) => void;
}

/** What became of a group. */
export interface Committed {
  /** Entries taken, the refused ones included. */
  readonly count: number;
  /** Of the first entry that was not refused. */
  readonly firstSeq: number;
  /** Which of the `count` do not fit a line. */
  readonly refused: readonly number[];
}

/** One write takes at most about this much: a disk needs longer for more, and everyone in the group waits for it. */
const GROUP_LIMIT_BYTES = 1024 * 1024;

/** Room behind the limit for the entry that reaches it, and for the checkpoint. */
const BUFFER_BYTES = GROUP_LIMIT_BYTES + 2 * LINE_LIMIT_BYTES;

interface PendingFailure {
  readonly cause: SegmentFailureCause;
  readonly segment: number;
  readonly setAside: SetAside | undefined;
}

export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #stream: Stream;
  #active: ActiveSegment | undefined;
  #previous: PreviousSegment | undefined;
  #nextSegment: number;
  #failure: PendingFailure | undefined;
  /** Of the active segment. */
  #tally = new SegmentTally(0, 0);
  readonly #publisher: CheckpointPublisher;
  #isClockBehind = false;

  /** Opens the stream's next segment; throws a SegmentFailure when that is not possible. */
  constructor(position: StreamPosition, options: StreamWriterOptions) {
    this.#options = options;
    this.#stream = new Stream(position.state, this.#streamOptions());
    this.#previous = position.previous;
    this.#nextSegment = position.nextSegment;
    this.#publisher = new CheckpointPublisher(options.settings.directory, options.onEvent);
    this.#openSegment("start", position.recovered);
  }

  get isWriting(): boolean {
    return this.#active !== undefined;
  }

  /** The newest note and how many lines it covers. */
  get checkpoint(): NewestNote {
    return this.#publisher.newest;
  }

  /** Number of the segment that is being written, or will be. */
  get activeSegment(): number {
    return this.#active?.segment ?? this.#nextSegment;
  }

  /**
   * Makes the next entries durable, as many as fit one group. Throws a SegmentFailure: then none of them is, and the
   * writer waits for `reopen`.
   */
  commit(entries: readonly string[], start: number): Committed {
    if (this.#isDue()) this.rotate("rotation");
    this.#watchClock();
    const before = this.#stream.state;
    const end = Math.min(entries.length, start + this.#options.settings.group.maxEntries);
    const refused: number[] = [];
    let used = 0;
    let index = start;
    for (; index < end && used < GROUP_LIMIT_BYTES; index += 1) {
      const line = this.#sealEntry(entries[index] as string);
      if (line === undefined) refused.push(index - start);
      else used += line.copy(this.#buffer, used);
    }
    const checkpoint = this.#stream.sealCheckpoint();
    used += checkpoint.line.copy(this.#buffer, used);
    this.#append(this.#buffer.subarray(0, used), before);
    this.#publisher.newest = checkpoint;
    this.#tally.hasEntries = true;
    return { count: index - start, firstSeq: before.nextSeq, refused };
  }

  /** Closes the segment and goes on in the next one. Throws a SegmentFailure. */
  rotate(reason: "rotation" | "moved"): void {
    const closed = this.#closeSegment(reason);
    // A moved file is someone else's business now; nobody could find it by its path.
    if (reason === "rotation") this.#options.onClosed(closed);
    try {
      this.#openSegment("rotation", []);
    } catch (error) {
      throw this.#suspend(toFailure(error), undefined);
    }
  }

  /** Tries to go on after a failure. `lost` entries were refused meanwhile. Throws what the failure is now. */
  reopen(lost: number): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    const { cause, segment, setAside } = failure;
    const recovered = JSON.stringify({ kind: "recovered", segment, cause, lost }).slice(1, -1);
    this.#openSegment("recovery", [recovered], setAside);
    this.#failure = undefined;
    const bytes = setAside?.bytes ?? 0;
    this.#options.onEvent({ kind: "recovered", cause, segment, bytes, lost });
  }

  /** What is due without an entry: rotation by age or by logrotate, and the `checkpoint` file. */
  tick(): void {
    if (this.#active?.isMoved() === true) this.rotate("moved");
    else if (this.#active !== undefined && this.#isDue()) this.rotate("rotation");
    this.publish();
  }

  /** Replaces the file `checkpoint` when that is due. */
  publish(): void {
    this.#publisher.publish();
  }

  /** Ends the segment in order, with a note over all of it in the file `checkpoint`. Throws a SegmentFailure. */
  close(): void {
    if (this.#active === undefined) return;
    this.#closeSegment("stop");
    const { nextSeq: size, head: chain, tree } = this.#stream;
    const { key } = this.#options;
    const text = checkpointText({ origin: key.origin, size, root: tree.root(), chain });
    this.#publisher.newest = { note: signNote(text, key.signer), size };
    this.#publisher.publishNow();
  }

  #sealEntry(members: string): Buffer | undefined {
    try {
      const line = this.#stream.seal(members);
      this.#tally.countEntry(members);
      return line;
    } catch (error) {
      if (error instanceof LineError) return undefined;
      throw error;
    }
  }

  #append(bytes: Buffer, before: StreamState): void {
    const active = this.#active;
    if (active === undefined) throw new Error("a failed writer was asked to write");
    try {
      active.append(bytes);
      this.#tally.lines += this.#stream.nextSeq - before.nextSeq;
    } catch (error) {
      this.#stream = new Stream(before, this.#streamOptions());
      this.#previous = { segment: active.segment, lines: this.#tally.lines, head: before.head };
      throw this.#suspend(toFailure(error), active);
    }
  }

  /** From here on nothing is written until `reopen`. */
  #suspend(failure: SegmentFailure, active: ActiveSegment | undefined): SegmentFailure {
    const { failure: cause } = failure;
    const segment = active?.segment ?? this.#nextSegment;
    const setAside = active && {
      segment,
      afterSeq: this.#stream.nextSeq - 1,
      bytes: active.abandon(cause),
    };
    this.#failure = { cause, segment, setAside };
    this.#active = undefined;
    this.#options.onEvent({ kind: "failed", cause, message: failure.message });
    return failure;
  }

  #closeSegment(reason: "stop" | "rotation" | "moved"): ClosedSegment {
    const active = this.#active as ActiveSegment;
    const before = this.#stream.state;
    const { segment, path } = active;
    const { classes, firstSeq } = this.#tally;
    const lines = this.#tally.lines + 1;
    const members = JSON.stringify({ kind: "close", segment, reason, lines, classes });
    this.#append(this.#stream.seal(members.slice(1, -1)), before);
    if (reason === "moved") active.removeReplacement();
    active.close();
    this.#active = undefined;
    this.#previous = { segment, lines, head: this.#stream.head };
    return { segment, path, firstSeq, lastSeq: before.nextSeq };
  }

  #openSegment(reason: OpenReason, further: readonly string[], setAside?: SetAside): void {
    const { settings, key } = this.#options;
    const before = this.#stream.state;
    const members = openMembers(
      {
        segment: this.#nextSegment,
        reason,
        gateway: key.origin,
        writer: settings.writer,
        publicKey: key.verifierKey,
        previous: this.#previous,
        setAside,
      },
      before,
    );
    try {
      const lines = [members, ...further].map((line) => this.#stream.seal(line));
      const checkpoint = this.#stream.sealCheckpoint();
      const bytes = Buffer.concat([...lines, checkpoint.line]);
      this.#active = ActiveSegment.create(settings.directory, this.#nextSegment, bytes);
      this.#publisher.newest = checkpoint;
    } catch (error) {
      this.#stream = new Stream(before, this.#streamOptions());
      // What is there under that name could not be removed: it is left alone.
      if (isTaken(error)) this.#nextSegment += 1;
      throw error;
    }
    this.#nextSegment += 1;
    this.#tally = new SegmentTally(before.nextSeq, this.#stream.nextSeq - before.nextSeq);
  }

  #isDue(): boolean {
    const { limitBytes, maxAgeMs } = this.#options.settings.segment;
    // A segment without entries would only be followed by another one.
    if (this.#active === undefined || !this.#tally.hasEntries) return false;
    return this.#active.durableBytes >= limitBytes || this.#tally.ageMs >= maxAgeMs;
  }

  #watchClock(): void {
    const behindUs = this.#stream.lastTsUs - this.#options.nowUs();
    if (behindUs > 0 && !this.#isClockBehind) {
      this.#options.onEvent({ kind: "clock_behind", behindUs });
    }
    this.#isClockBehind = behindUs > 0;
  }

  #streamOptions(): { key: SigningKey; sign: "checkpoint" | "entry"; nowUs: () => number } {
    const { key, settings, nowUs } = this.#options;
    return { key, sign: settings.sign, nowUs };
  }
}

function toFailure(error: unknown): SegmentFailure {
  return error instanceof SegmentFailure
    ? error
    : new SegmentFailure("write_failed", reasonOf(error), error);
}

function isTaken(error: unknown): boolean {
  return (
    error instanceof SegmentFailure &&
    (error.cause as NodeJS.ErrnoException | undefined)?.code === "EEXIST"
  );
}
