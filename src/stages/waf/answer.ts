/** Judges upstream answers: their heads always, their bodies where they are text. It must never pass on text unread. */
import type { RequestContext } from "../../pipeline/request-context.ts";
import { type GatewayResponse, headerValue } from "../../pipeline/response.ts";
import { CONTINUE, type ResponseDecision } from "../../pipeline/stage.ts";
import { rejection } from "../../pipeline/rejection.ts";
import type { Verdict } from "../../seclang/index.ts";
import { decodeBody, isEncoded } from "./encoded-body.ts";
import { Inspection } from "./inspection.ts";
import { toResponseHead } from "./message-heads.ts";
import { refuseAnswer } from "./refusal.ts";

type WholeResponse = GatewayResponse & { readonly body: Buffer };

const TEXT =
  /^(?:$|text\/|application\/(?:.*[+])?(?:json|xml|x-ndjson|jsonl|javascript|x-www-form-urlencoded|yaml)$)/;

/**
 * Media types that rules read, in lower case and without parameters: text by name or by structured suffix, and an answer
 * that does not say. WHY no list: vendors' types with `+json` have no end.
 */
class TextTypes extends Set<string> {
  override has(type: string): boolean {
    return TEXT.test(type);
  }
}
export const TEXT_TYPES: ReadonlySet<string> = new TextTypes();

export function judgeAnswer(
  { facts }: RequestContext,
  response: WholeResponse,
  limitBytes: number,
): ResponseDecision | Promise<ResponseDecision> {
  const inspection = facts.waf;
  if (!(inspection instanceof Inspection)) return CONTINUE;
  const { transaction, told } = inspection;
  // Refused before, and passed all the same: the stage is in shadow.
  if (!transaction || told.interruption) return CONTINUE;
  const coding = headerValue(response.headers, "content-encoding");
  const body = isEncoded(coding) ? decodeBody(response.body, coding, limitBytes) : response.body;
  const head = toResponseHead(response, isEncoded(coding) ? "content-encoding" : undefined);
  const onHead = transaction.responseHead(head);
  inspection.answer = "head";
  inspection.phaseDone();
  if (onHead) return decide(inspection, onHead);
  if (body === undefined) {
    if (inspection.mode === "detect") return CONTINUE;
    const cause = "its content coding is unknown, damaged or too large unpacked";
    return { verdict: "reject", rejection: rejection("waf.response_blocked", { cause }) };
  }
  const isRead = transaction.wantsResponseBody;
  const onBody = transaction.responseBody(body);
  const done = (verdict: Verdict): ResponseDecision => {
    if (isRead) inspection.answer = "whole";
    inspection.phaseDone();
    return decide(inspection, verdict);
  };
  return onBody instanceof Promise ? onBody.then(done) : done(onBody);
}

function decide(inspection: Inspection, verdict: Verdict): ResponseDecision {
  if (!verdict) return CONTINUE;
  return { verdict: "reject", rejection: refuseAnswer(verdict, inspection.told.fault) };
}
