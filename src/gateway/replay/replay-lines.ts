/** The decisions of a ledger in their order, one at a time. It verifies nothing, but never passes over a damaged line. */
import { LineError, readLine, scanLine, type LedgerLine } from "../../ledger/line.ts";
import { readLedger } from "../../ledger/read/read-ledger.ts";

export interface LineRange {
  /** First moment that counts, in milliseconds since 1970. */
  readonly sinceMs?: number | undefined;
  /** First moment that counts no more. */
  readonly untilMs?: number | undefined;
  /** Which kinds; the others are not even parsed. */
  readonly kinds: ReadonlySet<string>;
  /** Only lines whose bytes hold this text somewhere. */
  readonly holding?: string | undefined;
}

/** A line that is damaged where it stands. */
export class LedgerDamaged extends Error {
  override readonly name = "LedgerDamaged";
  readonly code = "replay.ledger_damaged";
}

/** Throws `LedgerDamaged`, or `LedgerReadError` where there is no ledger to read. */
export async function* ledgerLines(
  directory: string,
  range: LineRange,
): AsyncGenerator<LedgerLine, void, void> {
  const { sinceMs, untilMs, holding } = range;
  const since = sinceMs === undefined ? undefined : textOf(sinceMs);
  const until = untilMs === undefined ? undefined : textOf(untilMs);
  for await (const { segment, firstLine, lines, isTorn } of readLedger(directory)) {
    // The writer was interrupted, or is writing it now: nobody was ever told that this line counts.
    if (isTorn) continue;
    for (const [index, bytes] of lines.entries()) {
      if (holding !== undefined && !bytes.includes(holding)) continue;
      const line = sound(bytes, `${segment.path}:${firstLine + index}`, range);
      if (!line || (since !== undefined && line.ts < since)) continue;
      if (until !== undefined && line.ts >= until) return;
      yield line;
    }
  }
}

/** Undefined for lines of other kinds. */
function sound(bytes: Buffer, place: string, { kinds }: LineRange): LedgerLine | undefined {
  try {
    return kinds.has(scanLine(bytes).kind) ? readLine(bytes) : undefined;
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    const advice = "`portcullis ledger verify` says what is damaged";
    throw new LedgerDamaged(`${place}: ${error.message}; ${advice}`, { cause: error });
  }
}

/** As in the lines, RFC 3339 in UTC with six digits: of equal length, so that text order is the order of time. */
const textOf = (ms: number): string => new Date(ms).toISOString().replace("Z", "000Z");
