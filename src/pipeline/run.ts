/**
 * The runner: takes one exchange through the stages of its route and ends it in exactly one recorded outcome. It alone
 * awaits, answers and records; it never decides.
 */
import type { Readable } from "node:stream";
import { AnswerBroken, type Exchange, type Sent } from "./exchange.ts";
import type { Forwarded, Forwarder, ForwardOptions } from "./forward.ts";
import type { Journal, Resolution } from "./journal.ts";
import type { Outcome, Recorder } from "./outcome.ts";
import { Passes } from "./passes.ts";
import type { Plan } from "./plan.ts";
import { rejection, type Rejection, type RejectionCode } from "./rejection.ts";
import { applyEdits } from "./response.ts";
import { RunContext } from "./run-context.ts";
import type { Clock } from "./stage.ts";
import { rejectionOfThrown } from "./thrown.ts";
import { allowed, deciderOf, refused, type End, type Verdict } from "./verdict.ts";

export interface RunTools {
  readonly forwarder: Forwarder;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Where decisions have to be on record before they take effect. */
  readonly journal?: Journal | undefined;
}

const NOTHING_SENT: Sent = { bytesOut: 0, isComplete: false };
const ALL_SENT: Sent = { bytesOut: 0, isComplete: true };

export interface RunInput {
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly params: Readonly<Record<string, string>>;
}

/** Runs one request to its end. Settles when the answer is sent and the outcome recorded; never rejects. */
export function run(input: RunInput, tools: RunTools): Promise<void> {
  return new Run(input, tools).toEnd();
}

/** Answers a request that the listener itself refuses; `plan` is that of unmatched paths, for its header edits. */
export async function refuse(input: RunInput, refusal: Rejection, tools: RunTools): Promise<void> {
  await new Run(input, tools).toRefusal(refusal);
}

class Run {
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #tools: RunTools;
  readonly #context: RunContext;
  readonly #passes: Passes;
  #upstreamStartedMs: number | undefined;
  #upstreamEndedMs: number | undefined;
  #wasForwarded = false;
  /** What the journal holds of this request, once it holds anything. */
  #journaled: End | undefined;
  /** The cost that it holds; undefined while that was not known. */
  #journaledCost: number | undefined;

  constructor({ exchange, plan, params }: RunInput, tools: RunTools) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#tools = tools;
    this.#context = new RunContext(exchange.request, plan.route, params);
    this.#passes = new Passes(this.#context);
  }

  async toEnd(): Promise<void> {
    let verdict: Verdict;
    try {
      verdict = await this.#decide();
    } catch (error) {
      verdict = this.#refused(rejectionOfThrown(error));
    }
    // Waited for only when the record or the answer takes its time: the rest is sent at once.
    const finishing = this.#finish(verdict);
    if (finishing) await finishing;
  }

  async toRefusal(refusal: Rejection): Promise<void> {
    await this.#finish(refused("listener", refusal, this.#exchange.request));
  }

  /** Head, body, upstream, answer. One function and not four: each that waits costs every request a turn. */
  async #decide(): Promise<Verdict> {
    const exchange = this.#exchange;
    const { journal } = this.#tools;
    const { route, destination } = this.#plan;
    const unrecordable = journal?.refusal();
    if (unrecordable) return this.#refused(unrecordable);
    const heads = this.#passes.walk(this.#plan.head, "onHead");
    const head = heads instanceof Promise ? await heads : heads;
    if (head) return head;
    if (destination !== "upstream") return this.#refused(destination);
    if (!this.#isStreamed) {
      const body = await exchange.readBody(route.bodyLimitBytes);
      if (!Buffer.isBuffer(body)) return this.#refused(body);
      this.#context.body = body;
      const bodies = this.#passes.walk(this.#plan.body, "onBody");
      const verdict = bodies instanceof Promise ? await bodies : bodies;
      if (verdict) return verdict;
    }
    if (journal?.isStrict) await journal.beforeForward(this.#context);
    if (exchange.isCallerGone) return this.#refused(rejection("listener.caller_gone"));
    this.#upstreamStartedMs = this.#tools.clock.monotonicMs();
    this.#wasForwarded = true;
    const forwarded = await this.#tools.forwarder.forward(this.#context, this.#toForward());
    this.#upstreamEndedMs = this.#tools.clock.monotonicMs();
    return this.#answerOf(forwarded);
  }

  get #isStreamed(): boolean {
    return this.#plan.route.bodyMode === "stream";
  }

  #toForward(): ForwardOptions {
    const { route, response: judges, seal, responseLimitBytes } = this.#plan;
    const exchange = this.#exchange;
    return {
      body: this.#isStreamed ? exchange.streamBody(route.bodyLimitBytes) : this.#context.body,
      mustBuffer: judges.length > 0 || seal.length > 0,
      mayStreamEvents: this.#mayStreamEvents,
      responseLimitBytes,
      onCallerGone: (listener) => exchange.onCallerGone(listener),
    };
  }

  /** Whether every stage that judges answers can watch one that it does not see whole. */
  get #mayStreamEvents(): boolean {
    const { response: judges, seal } = this.#plan;
    return seal.length === 0 && judges.every(({ handlers }) => handlers.onStream !== undefined);
  }

  #answerOf(forwarded: Forwarded): Verdict | Promise<Verdict> {
    if (forwarded.kind === "rejected") {
      this.#wasForwarded = forwarded.wasSent ?? true;
      return this.#refused(forwarded.rejection);
    }
    const { response } = forwarded;
    for (const step of this.#plan.answer) step.handlers.onAnswer?.(this.#context, response);
    const { response: judges, seal } = this.#plan;
    if (judges.length === 0 && seal.length === 0) return allowed(response);
    if (!Buffer.isBuffer(response.body) && this.#mayStreamEvents)
      return this.#passes.watch(judges, { ...response, body: response.body });
    // An answer that must be judged is never passed on unjudged: a forwarder that streams it all the same is a bug.
    if (!Buffer.isBuffer(response.body)) {
      response.body.destroy();
      throw new Error("the forwarder streamed an answer that a stage must see whole");
    }
    return this.#passes.judge(judges, { ...response, body: response.body });
  }

  #refused(refusal: Rejection): Verdict {
    return refused(deciderOf(refusal), refusal, this.#exchange.request);
  }

  /** On record first, where that is asked for; what cannot be put on record is not said. */
  #finish(verdict: Verdict): void | Promise<void> {
    const { journal } = this.#tools;
    if (journal === undefined) return this.#send(verdict);
    let writing: Promise<void> | undefined;
    try {
      writing = journal.beforeAnswer(this.#resolutionOf(verdict));
    } catch (error) {
      return this.#sendUnrecorded(verdict, error);
    }
    if (writing === undefined) return this.#send(verdict);
    return writing.then(
      () => this.#send(verdict),
      (error: unknown) => this.#sendUnrecorded(verdict, error),
    );
  }

  #sendUnrecorded(verdict: Verdict, error: unknown): void | Promise<void> {
    this.#journaled = undefined;
    const { body } = verdict.response;
    if (!Buffer.isBuffer(body)) body.destroy();
    return this.#send(this.#refused(rejectionOfThrown(error)));
  }

  #resolutionOf(verdict: Verdict): Resolution {
    const end = this.#endOf(verdict, this.#exchange.isCallerGone ? NOTHING_SENT : ALL_SENT);
    this.#journaled = end;
    this.#journaledCost = this.#settledCost;
    const { body } = verdict.response;
    const now = this.#tools.clock.monotonicMs();
    return {
      context: this.#context,
      decision: end.decision,
      status: end.status,
      stage: end.by,
      code: end.code,
      latencyMs: now - this.#exchange.request.startedAtMs,
      upstreamMs: this.#upstreamMs(now),
      shadows: this.#passes.shadows,
      broken: this.#passes.broken,
      body: Buffer.isBuffer(body) ? body : undefined,
    };
  }

  #upstreamMs(now: number): number | undefined {
    const started = this.#upstreamStartedMs;
    return started === undefined ? undefined : (this.#upstreamEndedMs ?? now) - started;
  }

  #send(verdict: Verdict): void | Promise<void> {
    const { status, body, headers: given } = verdict.response;
    // Lost while its decision was put on record: nothing of it was sent, so the caller can be told.
    if (!Buffer.isBuffer(body) && body.destroyed)
      return this.#send(this.#refused(rejection(brokenBy(body))));
    const headers = [...given];
    for (const step of this.#plan.decorate) {
      const edits = step.handlers.decorate?.(this.#context, status);
      if (edits && edits.length > 0) applyEdits(headers, edits);
    }
    if (this.#exchange.isCallerGone) {
      if (!Buffer.isBuffer(body)) body.destroy();
      return this.#record(verdict, NOTHING_SENT);
    }
    // With a seal in the plan every answer is held whole.
    if (Buffer.isBuffer(body))
      for (const step of this.#plan.seal)
        applyEdits(headers, step.handlers.seal?.(this.#context, { status, headers, body }) ?? []);
    let sending: Sent | Promise<Sent>;
    try {
      sending = this.#exchange.send({ status, headers, body });
    } catch (error) {
      // An answer that cannot be written is cut off by the exchange; it is recorded like every other end.
      return this.#record(this.#refused(rejectionOfThrown(error)), NOTHING_SENT);
    }
    if (!(sending instanceof Promise)) return this.#record(verdict, sending);
    return sending.then((sent) => {
      if (!Buffer.isBuffer(body)) this.#upstreamEndedMs = this.#tools.clock.monotonicMs();
      this.#record(verdict, sent);
    });
  }

  #record(verdict: Verdict, sent: Sent): void {
    const end = this.#endOf(verdict, sent);
    const now = this.#tools.clock.monotonicMs();
    const ending = {
      status: end.status,
      wasForwarded: this.#wasForwarded,
      code: end.code,
    };
    for (const step of this.#plan.end) step.handlers.onEnd?.(this.#context, ending);
    const outcome: Outcome = {
      context: this.#context,
      decision: end.decision,
      status: end.status,
      stage: end.by,
      code: end.code,
      cause: verdict.rejection?.cause,
      latencyMs: now - this.#exchange.request.startedAtMs,
      upstreamMs: this.#upstreamMs(now),
      bytesIn: this.#exchange.bytesIn,
      bytesOut: sent.bytesOut,
      shadows: this.#passes.shadows,
      broken: this.#passes.broken,
    };
    this.#tools.recorder.record(outcome);
    const written = this.#journaled;
    if (written === undefined) return;
    const isOther = written.status !== end.status || written.code !== end.code;
    // What a stream cost, or a call that its caller left, is known at the end. A refusal without a cost is free.
    const cost = this.#settledCost;
    const isFree = verdict.rejection !== undefined && cost === 0;
    const isLate = this.#journaledCost !== cost && !isFree;
    if (isOther || isLate) this.#tools.journal?.afterEnd(outcome);
  }

  get #settledCost(): number | undefined {
    return this.#context.facts.limits?.cost?.settled;
  }

  /** What became of a verdict on its way out: said as meant, lost with its caller, or broken off in its stream. */
  #endOf(verdict: Verdict, sent: Sent): End {
    const { by, code, rejection: refusal, response } = verdict;
    // What the listener refuses is the caller's doing, 501 too: it must not fill the log with errors.
    const decision = !refusal
      ? "allow"
      : refusal.status >= 500 && by !== "listener"
        ? "error"
        : "deny";
    if (sent.isComplete) return { decision, status: response.status, by, code };
    if (this.#exchange.isCallerGone) {
      if (refusal) return { decision, status: 499, by, code };
      return { decision, status: 499, by: "listener", code: "listener.caller_gone" };
    }
    if (refusal) return { decision, status: response.status, by, code };
    const broken = brokenBy(response.body as Readable);
    const isCut = broken.startsWith("waf.");
    return {
      decision: "error",
      status: response.status,
      by: isCut ? "waf" : "upstream",
      code: broken,
    };
  }
}

const brokenBy = ({ errored }: Readable): RejectionCode =>
  errored instanceof AnswerBroken ? errored.code : "upstream.connection_lost";
