/** What the writer counts of the segment it writes: for its `close` line, its links and its end. */
import { noClasses, retentionClassOf, type ClassCounts } from "./retention-class.ts";

export class SegmentTally {
  readonly firstSeq: number;
  readonly #openedAtMs = performance.now();
  readonly #classes = noClasses();
  /** Durable ones. */
  lines: number;
  hasEntries = false;

  constructor(firstSeq: number, lines: number) {
    this.firstSeq = firstSeq;
    this.lines = lines;
  }

  get ageMs(): number {
    return performance.now() - this.#openedAtMs;
  }

  /** Of entries counted; what a failed group added does not matter, since its segment gets no `close` line. */
  get classes(): Readonly<ClassCounts> {
    return this.#classes;
  }

  countEntry(members: string): void {
    const retentionClass = retentionClassOf(members);
    if (retentionClass !== undefined) this.#classes[retentionClass] += 1;
  }
}
