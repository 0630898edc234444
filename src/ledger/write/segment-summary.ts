/** What retention must know of a closed segment, read from the file itself without holding more than a chunk of it. */
import { leafHash } from "../hashing.ts";
import { scanLine } from "../line.ts";
import { CompactRange } from "../merkle/compact-range.ts";
import { LineSlicer } from "../read/line-slicer.ts";
import { segmentChunks } from "../read/segment-chunks.ts";
import type { RemovedSegment } from "./ledger-options.ts";
import { readOpenLine, type OpenLine } from "./open-line.ts";
import { noClasses, retentionClassOf, type ClassCounts } from "./retention-class.ts";
import type { SegmentFile } from "./segment-files.ts";

export interface SegmentSummary {
  /** As a `retention` line would name it. */
  readonly removed: RemovedSegment;
  readonly classes: ClassCounts;
  readonly lastTsMs: number;
  /** The segment whose end only this one's `open` line says does not count. */
  readonly setAsideSegment: number | undefined;
}

/** The `open` line of a segment. Throws when it has none. */
export async function readOpening(file: SegmentFile): Promise<OpenLine> {
  for await (const line of linesOf(file)) return readOpenLine(line);
  throw new Error(`${file.path} is empty`);
}

/** Reads lines before `endSeq`. Throws when they are not whole: such a segment is for a person to look at. */
export async function summarizeSegment(file: SegmentFile, endSeq: number): Promise<SegmentSummary> {
  let open: OpenLine | undefined;
  let tree = CompactRange.empty();
  let head = "";
  let lastTs = "";
  const classes = noClasses();
  for await (const line of linesOf(file)) {
    const { seq, hash, ts } = scanLine(line);
    if (seq >= endSeq) break;
    if (open === undefined) {
      open = readOpenLine(line);
      tree = CompactRange.restore(open.tree.size, open.tree.frontier);
    }
    if (seq !== tree.size) throw new Error(`${file.path}: line ${tree.size} is missing`);
    tree.append(leafHash(line));
    head = hash;
    lastTs = ts;
    const retentionClass = retentionClassOf(line.toString("utf8"));
    if (retentionClass !== undefined) classes[retentionClass] += 1;
  }
  if (open === undefined) throw new Error(`${file.path} has no lines`);
  return {
    removed: {
      segment: file.segment,
      first_seq: open.seq,
      last_seq: tree.size - 1,
      head,
      root: tree.root().toString("base64"),
    },
    classes,
    lastTsMs: Date.parse(lastTs),
    setAsideSegment: open.setAsideSegment,
  };
}

async function* linesOf({ path, isCompressed }: SegmentFile): AsyncGenerator<Buffer, void, void> {
  const slicer = new LineSlicer();
  for await (const chunk of segmentChunks({ path, isCompressed, settleMs: 0 })) {
    yield* slicer.push(chunk);
  }
}
