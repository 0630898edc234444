/** Whether the files of a listing are named as what they hold, and each segment is there once. */
import { createHash } from "node:crypto";
import { segmentChunks } from "../read/segment-chunks.ts";
import type { SegmentFile, SegmentListing } from "../read/segment-files.ts";
import type { FindingList } from "./finding.ts";

/** Adds `segment_renamed` and `segment_repeated`. The writer may compress segments meanwhile. */
export async function checkFiles(
  { segments, spares }: SegmentListing,
  findings: FindingList,
): Promise<void> {
  for (const { segment, namedSegment, name: file } of segments) {
    if (segment === namedSegment) continue;
    const detail = `it holds segment ${segment}`;
    findings.add("segment_renamed", { place: { segment, file }, detail });
  }
  for (const spare of spares) {
    const { segment, name: file } = spare;
    const first = segments.find((each) => each.segment === segment) as SegmentFile;
    const [ofSpare, ofFirst] = [await digestOf(spare), await digestOf(first)];
    // Compressed since the listing: what is left of the two is the segment, and is read as such.
    if (ofSpare === "gone" || ofFirst === "gone") continue;
    const isSame = ofSpare === ofFirst;
    // A packed copy beside its original is what a crash in the midst of compressing leaves.
    if (isSame && spare.namedSegment === segment) continue;
    const detail = `segment ${segment}, which is in ${first.name}${isSame ? "" : ", with other lines"}`;
    findings.add("segment_repeated", { place: { segment, file }, seq: spare.head?.seq, detail });
  }
}

async function digestOf({ path, isCompressed }: SegmentFile): Promise<string> {
  const digest = createHash("sha256");
  try {
    for await (const chunk of segmentChunks({ path, isCompressed, settleMs: 0 })) {
      digest.update(chunk);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    return `unreadable ${path}`;
  }
  return digest.digest("hex");
}
