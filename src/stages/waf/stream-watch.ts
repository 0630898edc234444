/**
 * Inspects an event stream while it passes, in windows that overlap. It must never hold a piece back to wait for the next,
 * and what a rule refuses ends the stream: what was sent before cannot be taken back.
 */
import { pipeline, Transform, type Readable, type TransformCallback } from "node:stream";
import { AnswerBroken } from "../../pipeline/exchange.ts";
import { rejection } from "../../pipeline/rejection.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import { type GatewayResponse, headerValue } from "../../pipeline/response.ts";
import { CONTINUE, type StreamDecision } from "../../pipeline/stage.ts";
import type { Policy, Transaction } from "../../seclang/index.ts";
import { isEncoded } from "./encoded-body.ts";
import { Inspection } from "./inspection.ts";
import { toRequestHead, toResponseHead } from "./message-heads.ts";

/**
 * New bytes that are worth a look. Smaller, a stream of single words costs several times the CPU time; raised, that much of
 * what should not leave has left before anybody looked.
 */
const WINDOW_BYTES = 4_096;
/** What a new transaction is shown of what the one before had seen. */
const OVERLAP_BYTES = 1_024;
/**
 * The part of its budget after which a transaction gives way to a new one: streams may last for hours, and the budget is
 * for one piece of work. Points are counted anew then.
 */
const BUDGET_SHARE = 0.5;
const MICROS_PER_MS = 1_000;

type StreamedResponse = GatewayResponse & { readonly body: Readable };

export interface StreamRules {
  /** One of its own: what rules remember of callers is counted by the request, not by its parts. */
  readonly policy: Policy;
  readonly budgetMs: number;
}

export function watchStream(
  context: RequestContext,
  response: StreamedResponse,
  rules: StreamRules,
): StreamDecision {
  const inspection = context.facts.waf;
  if (!(inspection instanceof Inspection) || !inspection.transaction) return CONTINUE;
  if (isEncoded(headerValue(response.headers, "content-encoding"))) {
    if (inspection.mode === "detect") return CONTINUE;
    const cause = "an event stream in a content coding cannot be inspected while it passes";
    return { verdict: "reject", rejection: rejection("waf.response_blocked", { cause }) };
  }
  const watch = new StreamWatch({ context, response, inspection, ...rules });
  // Either end that breaks ends the other; whoever reads it hears why.
  pipeline(response.body, watch, () => undefined);
  // It may break before anybody reads it: an error that nobody listens to would end the process.
  watch.on("error", () => undefined);
  return { verdict: "watch", body: watch };
}

interface Watched extends StreamRules {
  readonly context: RequestContext;
  readonly response: StreamedResponse;
  readonly inspection: Inspection;
}

class StreamWatch extends Transform {
  readonly #watched: Watched;
  #transaction: Transaction;
  #fresh: Buffer[] = [];
  #freshBytes = 0;

  constructor(watched: Watched) {
    super();
    this.#watched = watched;
    this.#transaction = begin(watched);
    watched.inspection.answer = "head";
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#fresh.push(chunk);
    this.#freshBytes += chunk.length;
    if (this.#freshBytes < WINDOW_BYTES) done(null, chunk);
    else this.#look(done, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.#watched.inspection.answer = "whole";
    this.#look(done);
  }

  /** On every way out, so that what was found until then is told. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#tell();
    done(error);
  }

  #look(done: TransformCallback, chunk?: Buffer): void {
    let isRefused: boolean;
    try {
      isRefused = this.#isRefused();
    } catch (error) {
      // Rules that fail let nothing through.
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (isRefused)
      done(new AnswerBroken("waf.response_blocked", "rules refuse what the stream says"));
    else done(null, chunk);
  }

  #isRefused(): boolean {
    const fresh = Buffer.concat(this.#fresh);
    this.#fresh = [];
    this.#freshBytes = 0;
    if (this.#transaction.responseChunk(fresh) !== undefined) {
      this.#tell();
      return true;
    }
    const { budgetMs } = this.#watched;
    if (this.#transaction.report().micros > budgetMs * MICROS_PER_MS * BUDGET_SHARE) {
      this.#tell();
      this.#transaction = begin(this.#watched);
      this.#fresh.push(fresh.subarray(-OVERLAP_BYTES));
    }
    return false;
  }

  #tell(): void {
    this.#watched.inspection.streamSeen(this.#transaction);
  }
}

/** Only rules for answers have anything to say to it; the request's own transaction has heard the others. */
function begin({ context, response, policy }: Watched): Transaction {
  const transaction = policy.transaction();
  transaction.requestHead(toRequestHead(context.request));
  transaction.responseHead(toResponseHead(response));
  return transaction;
}
