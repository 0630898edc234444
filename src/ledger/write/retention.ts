/**
 * Which closed segments have outlived their use. It must never name one that still holds a line whose class is to be
 * kept, nor one that a segment before it needs to be read rightly.
 */
import { stat } from "node:fs/promises";
import type { RetentionTimes } from "./ledger-options.ts";
import type { SegmentFile } from "./segment-files.ts";
import { readOpening, summarizeSegment, type SegmentSummary } from "./segment-summary.ts";

export class Retention {
  readonly #times: RetentionTimes;
  /** Of segments old enough to be looked at; each is read once. */
  readonly #summaries = new Map<number, SegmentSummary>();
  /** Segments that could not be read whole: reported once, and kept. */
  readonly #kept = new Set<number>();

  constructor(times: RetentionTimes) {
    this.#times = times;
  }

  /** The next segment that may go, oldest first, of those behind `after`. `files` are all, the active one last. */
  async nextExpired(
    files: readonly SegmentFile[],
    after: number,
  ): Promise<{ file: SegmentFile; summary: SegmentSummary } | undefined> {
    const present = new Set(files.map(({ segment }) => segment));
    for (const [index, file] of files.slice(0, -1).entries()) {
      if (file.segment <= after || this.#kept.has(file.segment)) continue;
      if (!(await this.#mayBeExpired(file))) continue;
      const summary = await this.#summaryOf(file, files[index + 1] as SegmentFile);
      const isNeeded = present.has(summary.setAsideSegment ?? -1);
      if (!isNeeded && this.#isExpired(summary)) return { file, summary };
    }
    return undefined;
  }

  /** By the file's own time, without reading it: no line in it can be younger than its last change. */
  async #mayBeExpired({ path }: SegmentFile): Promise<boolean> {
    const { mtimeMs } = await stat(path);
    return Date.now() - mtimeMs > Math.min(...Object.values(this.#times));
  }

  async #summaryOf(file: SegmentFile, next: SegmentFile): Promise<SegmentSummary> {
    const known = this.#summaries.get(file.segment);
    if (known !== undefined) return known;
    this.#kept.add(file.segment);
    const isAdjacent = next.segment === file.segment + 1;
    const endSeq = isAdjacent ? (await readOpening(next)).seq : Number.POSITIVE_INFINITY;
    const summary = await summarizeSegment(file, endSeq);
    this.#kept.delete(file.segment);
    this.#summaries.set(file.segment, summary);
    return summary;
  }

  /** Every class in it; one that holds none of them goes by the shortest time. */
  #isExpired({ classes, lastTsMs }: SegmentSummary): boolean {
    const times = Object.entries(this.#times) as [keyof RetentionTimes, number][];
    const held = times.filter(([name]) => classes[name] > 0).map(([, timeMs]) => timeMs);
    const keepMs = held.length > 0 ? Math.max(...held) : Math.min(...Object.values(this.#times));
    return Date.now() - lastTsMs > keepMs;
  }
}
