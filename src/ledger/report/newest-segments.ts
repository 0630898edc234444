/**
 * Segments from the newest on, each looked at only when it is asked for: a directory of thousands answers a question
 * about the last minute at once. It goes by names; whoever must be sure reads the ledger from its beginning.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { LedgerReadError } from "../read/read-error.ts";
import { readSegmentHead } from "../read/segment-head.ts";

export interface NewestSegment {
  readonly path: string;
  readonly isCompressed: boolean;
  /** Its first line's number, where that line can be read. */
  readonly firstSeq: number | undefined;
  /** Lines behind this one were set aside by a later segment and do not count. */
  readonly lastSeq: number;
}

interface Cutoff {
  readonly from: number;
  readonly until: number;
  readonly afterSeq: number;
}

const NAME = /^(?<segment>\d{8,15})\.ndjson(?:\.\d+|-\d[\d-]*)?(?<packed>\.gz)?$/;

/** Throws LedgerReadError when the directory cannot be read. */
export async function* newestSegments(
  directory: string,
): AsyncGenerator<NewestSegment, void, void> {
  const cutoffs: Cutoff[] = [];
  let lastGiven = Number.POSITIVE_INFINITY;
  for (const { segment, name, isCompressed } of await namesOf(directory)) {
    // The plain file of a pair comes first; the packed one beside it is the same again.
    if (segment === lastGiven) continue;
    const path = join(directory, name);
    const head = await readSegmentHead({ path, isCompressed });
    // The writer has packed it since: its packed form is a name that was not there yet.
    const isGone = head === "gone";
    lastGiven = segment;
    yield {
      path: isGone ? `${path}.gz` : path,
      isCompressed: isGone || isCompressed,
      firstSeq: isGone ? undefined : head?.seq,
      lastSeq: lastSeqOf(segment, cutoffs),
    };
    if (isGone) continue;
    for (const { segment: from, afterSeq } of head?.setAside ?? [])
      cutoffs.push({ from, until: segment, afterSeq });
  }
}

async function namesOf(
  directory: string,
): Promise<{ segment: number; name: string; isCompressed: boolean }[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    const why = `${directory}: ${(error as Error).message}; name the directory of a ledger`;
    throw new LedgerReadError("ledger.directory_unreadable", why, error);
  }
  return names
    .flatMap((name) => {
      const groups = NAME.exec(name)?.groups;
      if (!groups) return [];
      return [
        { segment: Number(groups["segment"]), name, isCompressed: groups["packed"] !== undefined },
      ];
    })
    .sort((one, other) => other.segment - one.segment || one.name.length - other.name.length);
}

const lastSeqOf = (segment: number, cutoffs: readonly Cutoff[]): number =>
  Math.min(
    Number.POSITIVE_INFINITY,
    ...cutoffs
      .filter(({ from, until }) => from <= segment && segment < until)
      .map(({ afterSeq }) => afterSeq),
  );
