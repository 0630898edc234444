/** Plays a made request through a policy as a gateway would, and sometimes as a careless caller: never twice the same way by chance. */
import type { Policy, TransactionReport, Verdict } from "../../src/seclang/index.ts";
import type { FuzzRequest, FuzzResponse } from "./mutate.ts";

export interface Played {
  readonly verdicts: readonly Verdict[];
  readonly report: TransactionReport;
}

/** Bytes of one piece of a stream. */
const CHUNK_BYTES = 700;

/** An interruption ends it, as it would end the request. A promise only when a body was inspected in slices. */
export async function play(policy: Policy, request: FuzzRequest): Promise<Played> {
  const transaction = policy.transaction();
  const verdicts: Verdict[] = [];
  const passes = (verdict: Verdict): boolean => {
    verdicts.push(verdict);
    return verdict === undefined;
  };
  try {
    if (passes(transaction.requestHead(request.head))) {
      const pending = transaction.requestBody(request.body);
      if (passes(pending instanceof Promise ? await pending : pending) && request.response)
        await answer(request.response);
    }
  } finally {
    transaction.end();
  }
  return { verdicts, report: transaction.end() };

  async function answer({ head, body, isStream }: FuzzResponse): Promise<void> {
    if (!passes(transaction.responseHead(head))) return;
    if (!isStream) {
      passes(await transaction.responseBody(body));
      return;
    }
    for (let at = 0; at < body.length; at += CHUNK_BYTES)
      if (!passes(transaction.responseChunk(body.subarray(at, at + CHUNK_BYTES)))) return;
  }
}
