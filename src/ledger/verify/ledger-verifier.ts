/** Verifies one stream line by line: hash, chain, tree, signatures, checkpoints and what lines say of their segments. */
import { leafHash } from "../hashing.ts";
import { LineError, readLine, type LedgerLine, type ScannedLine } from "../line.ts";
import type { LineBatch } from "../read/read-ledger.ts";
import type { VerifierKey } from "../verifier-key.ts";
import { Anchors, type Anchor } from "./anchors.ts";
import { openCheckpoint } from "./checkpoint-check.ts";
import type { FindingList, FoundAt, Place } from "./finding.ts";
import { LineTrack, type Gap, type Link } from "./line-track.ts";
import { ProvenRanges } from "./proven-ranges.ts";
import { SegmentRecords, type RemovedRange } from "./segment-records.ts";
import { TreeTrack } from "./tree-track.ts";
import { isSameKey, tryVerifierKey } from "./trusted-keys.ts";

export interface LedgerVerifierOptions {
  readonly keys: readonly VerifierKey[];
  readonly anchors: readonly Anchor[];
  readonly findings: FindingList;
  /** 0, or undefined where the stream's beginning is not looked at. */
  readonly firstSeq: number | undefined;
  /** Lines before the first one read were not asked for. */
  readonly isPart: boolean;
}

export class LedgerVerifier {
  readonly ranges = new ProvenRanges();
  readonly anchors: Anchors;
  readonly #options: LedgerVerifierOptions;
  readonly #findings: FindingList;
  readonly #track: LineTrack;
  readonly #tree = new TreeTrack();
  readonly #records: SegmentRecords;
  #place: Place = { segment: -1, file: "" };
  #lines = 0;
  #firstSeq: number | undefined;
  /** The `prev` of the first line. */
  #firstPrev = "";
  /** The first line that no checkpoint covers and anyone could have written. */
  #unsignedSeq: number | undefined;
  #coveredSize = 0;
  #verifiedCheckpoints = 0;
  /** Checkpoints in a row that are of other lines. */
  #mismatch: FoundAt | undefined;
  /** The segment's own key is not trusted: that is one finding, not one for each of its lines. */
  #isForeign = false;

  constructor(options: LedgerVerifierOptions) {
    this.#options = options;
    this.#findings = options.findings;
    this.anchors = new Anchors(options.anchors, options.findings, this.#tree);
    this.#records = new SegmentRecords(options.findings, this.#tree);
    this.#track = new LineTrack({
      findings: options.findings,
      firstSeq: options.firstSeq,
      follow: (line, bytes, link) => this.#follow(line, bytes, link),
      skip: () => {
        this.#tree.lose();
        this.#records.interrupt();
      },
    });
  }

  get lines(): number {
    return this.#lines;
  }

  get firstSeq(): number | undefined {
    return this.#firstSeq;
  }

  get nextSeq(): number {
    return this.#track.nextSeq;
  }

  get verifiedCheckpoints(): number {
    return this.#verifiedCheckpoints;
  }

  /** Lines that verified checkpoints cover. */
  get coveredSize(): number {
    return this.#coveredSize;
  }

  /** Whether segments are missing that a retention line may yet explain. */
  get hasUnexplainedGap(): boolean {
    const gaps = [...this.#startGap(), ...this.#track.gaps];
    return gaps.some((gap) => gap.isSegments && !this.#records.accountsFor(gap));
  }

  take({ segment: { segment, name }, firstLine, lines, isTorn }: LineBatch): void {
    for (let index = 0; index < lines.length; index += 1) {
      this.#place = { segment, file: name, line: firstLine + index };
      this.#track.take(lines[index] as Buffer, this.#place, isTorn);
    }
    this.#lines += lines.length;
  }

  /** After the last line. `isWhole` is false where the reading was ended before the stream did. */
  finish(isWhole: boolean): readonly RemovedRange[] {
    this.#track.finish();
    this.#tellMismatch();
    const { head, headSize, nextSeq } = this.#track;
    if (head !== undefined && headSize > 0 && this.anchors.reach(headSize, head))
      this.#cover(headSize);
    this.anchors.finish(nextSeq, isWhole);
    if (isWhole && this.#unsignedSeq !== undefined) {
      const range = { seq: this.#unsignedSeq, lastSeq: headSize - 1 };
      this.#findings.add("tail_unsigned", { place: this.#place, ...range });
    }
    return this.#settleGaps();
  }

  /** Retention explains what is missing, or it is missing. */
  #settleGaps(): RemovedRange[] {
    const removed: RemovedRange[] = [];
    for (const gap of [...this.#startGap(), ...this.#track.gaps]) {
      const { from, to, place } = gap;
      if (gap.isSegments && this.#records.accountsFor(gap)) {
        removed.push({ fromSeq: from, toSeq: to });
      } else {
        const kind = gap.isSegments ? "segment_missing" : "line_missing";
        this.#findings.add(kind, { place, seq: from, lastSeq: to });
      }
    }
    return removed;
  }

  /** What stood before the first segment, when the whole stream was asked for. */
  #startGap(): Gap[] {
    const first = this.#firstSeq ?? 0;
    const { isPart, firstSeq } = this.#options;
    if (isPart || firstSeq === 0 || first === 0) return [];
    const place = { segment: -1, file: "" };
    const gap = { from: 0, to: first - 1, place, prevBehind: this.#firstPrev };
    return [{ ...gap, headBefore: undefined, isSegments: true }];
  }

  #follow(line: ScannedLine, bytes: Buffer, link: Link): void {
    const { seq, kind } = line;
    if (link !== "linked") this.#begin(line, link);
    this.#records.line(line, this.#place, link);
    if (kind === "open") this.#readAnd(bytes, (read) => this.#open(read, link));
    if (seq >= this.anchors.nextSize && this.anchors.reach(seq, line.prev)) this.#cover(seq);
    if (kind === "checkpoint") this.#readAnd(bytes, (read) => this.#checkpoint(read));
    else if (kind === "close") {
      this.#readAnd(bytes, (read) => this.#records.close(read, this.#place));
    } else if (!this.#isSigned(line, bytes)) this.#unsignedSeq ??= seq;
    if (kind === "retention") {
      this.#readAnd(bytes, (read) => this.#records.retention(read, this.#place));
    }
    this.#tree.append(leafHash(bytes));
  }

  #begin({ seq, prev }: ScannedLine, link: Link): void {
    if (this.#firstSeq === undefined) {
      this.#firstSeq = seq;
      this.#firstPrev = prev;
    }
    this.ranges.restart(seq);
    if (seq > 0 || link !== "first") this.#tree.lose();
  }

  /** Whether the line's own signature is by a trusted key; a wrong one is a finding. */
  #isSigned({ seq, signature, signedBytes }: ScannedLine, bytes: Buffer): boolean {
    if (signature === undefined) return false;
    const signed = bytes.subarray(0, signedBytes);
    if (this.#options.keys.some((key) => key.verifyBytes(signed, signature))) return true;
    if (!this.#isForeign) this.#findings.add("signature_wrong", { place: this.#place, seq });
    return false;
  }

  #open(line: LedgerLine, link: Link): void {
    const said = line.value["public_key"];
    const key = tryVerifierKey(said);
    this.#isForeign = !key || !this.#options.keys.some((trusted) => isSameKey(trusted, key));
    if (this.#isForeign) {
      const detail = `the segment's is ${typeof said === "string" ? said : "missing"}`;
      this.#findings.add("key_mismatch", { place: this.#place, seq: line.seq, detail });
    }
    this.#records.open(line, this.#place, link);
  }

  #checkpoint({ value, seq, prev }: LedgerLine): void {
    const at = { place: this.#place, seq };
    const note = value["note"];
    const opened = openCheckpoint(typeof note === "string" ? note : "", this.#options.keys);
    if (opened.is !== "trusted") {
      const detail = opened.is === "forged" ? opened.why : undefined;
      if (opened.is === "forged" || !this.#isForeign) {
        this.#findings.add("checkpoint_forged", { ...at, detail });
      }
      return;
    }
    const { size, chain, root } = opened.checkpoint;
    const ours = this.#tree.known?.root();
    if (size === seq && chain === prev && (!ours || ours.equals(root))) {
      this.#verifiedCheckpoints += 1;
      this.#cover(size);
      this.#tellMismatch();
      return;
    }
    const detail = size === seq ? undefined : `it is of ${size} lines, before it stand ${seq}`;
    // Where history was rewritten no later checkpoint fits either: all of them are one finding.
    this.#mismatch = { detail, ...at, ...this.#mismatch, lastSeq: seq };
  }

  #tellMismatch(): void {
    if (this.#mismatch) this.#findings.add("checkpoint_mismatch", this.#mismatch);
    this.#mismatch = undefined;
  }

  #cover(size: number): void {
    this.ranges.cover(size);
    this.#coveredSize = Math.max(this.#coveredSize, size);
    if (this.#unsignedSeq !== undefined && this.#unsignedSeq < size) this.#unsignedSeq = undefined;
  }

  #readAnd(bytes: Buffer, use: (line: LedgerLine) => void): void {
    try {
      use(readLine(bytes));
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.#findings.add("not_a_line", { place: this.#place, detail: error.message });
    }
  }
}
