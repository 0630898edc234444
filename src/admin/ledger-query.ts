/** What `GET /ledger` may be asked. A parameter that is unknown, doubled or out of its bounds is refused, never ignored. */

/** Lines in one answer. Raised, one answer holds more of the process's memory. */
const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 100;
const MAX_ID_LENGTH = 256;

/** The text is for whoever asked. */
export class QueryRefused extends Error {
  override readonly name = "QueryRefused";
}

export interface LedgerQuery {
  readonly limit: number;
  readonly beforeSeq?: number;
  readonly requestId?: string;
  readonly kind?: string;
  readonly sinceMs?: number;
}

const COUNT = /^(?:0|[1-9]\d{0,15})$/;
const KIND = /^[a-z][a-z_]{0,63}$/;
/** RFC 3339 section 5.6, with an offset: a time without one is nobody's. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$/;

const READERS: Readonly<Record<string, (text: string) => Partial<LedgerQuery>>> = {
  limit: (text) => {
    const limit = COUNT.test(text) ? Number(text) : 0;
    if (limit < 1 || limit > MAX_LIMIT)
      throw new QueryRefused(`limit is a number from 1 to ${MAX_LIMIT}`);
    return { limit };
  },
  before: (text) => {
    if (!COUNT.test(text) || !Number.isSafeInteger(Number(text)))
      throw new QueryRefused("before is the number of a line");
    return { beforeSeq: Number(text) };
  },
  request_id: (text) => {
    if (text === "" || text.length > MAX_ID_LENGTH)
      throw new QueryRefused(`request_id has 1 to ${MAX_ID_LENGTH} characters`);
    return { requestId: text };
  },
  kind: (text) => {
    if (!KIND.test(text)) throw new QueryRefused("kind is a word such as decision");
    return { kind: text };
  },
  since: (text) => {
    const sinceMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(sinceMs))
      throw new QueryRefused("since is a time such as 2026-11-22T13:44:17Z");
    return { sinceMs };
  },
};

/** Throws `QueryRefused`. */
export function parseLedgerQuery(query: string): LedgerQuery {
  let read: LedgerQuery = { limit: DEFAULT_LIMIT };
  const seen = new Set<string>();
  for (const [name, text] of new URLSearchParams(query)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!reader)
      throw new QueryRefused(`unknown parameter; there are ${Object.keys(READERS).join(", ")}`);
    if (seen.has(name)) throw new QueryRefused(`${name} is given twice`);
    seen.add(name);
    read = { ...read, ...reader(text) };
  }
  return read;
}
