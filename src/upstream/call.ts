/**
 * One request to one upstream, as the handler undici calls back: collects a small answer, streams a large one, keeps
 * its deadlines, and answers exactly once. It must never throw into undici, nor leave its place taken when it ends.
 */
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { AnswerBroken, BodyRejected } from "../pipeline/exchange.ts";
import type { ForwardOptions, Forwarded } from "../pipeline/forward.ts";
import { rejection, type Rejection } from "../pipeline/rejection.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { Answer, type AnswerTerms } from "./answer.ts";
import { AnswerStream, type AnswerSource } from "./answer-stream.ts";
import type { Deadlined } from "./deadlines.ts";
import { rejectionOfError } from "./failures.ts";
import { readResponseHead, type ResponseHead } from "./response-head.ts";

/** What an upstream's configuration says about each of its calls. */
export interface CallLimits {
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly responseLimitBytes: number;
  readonly streamAboveBytes: number;
}

/** The upstream, as a call sees it. */
export interface CallHome {
  readonly limits: CallLimits;
  /** The call ended while it waited for a connection. */
  leaveQueue(call: Call): void;
  /** The call's connection is free again, or was never made. Called once for each call that was sent. */
  release(call: Call, outcome: "connected" | "unreachable"): void;
}

/**
 * An answer of unknown length that has not ended after this long becomes a stream: it is most likely one that trickles.
 * Raised, the first words of an unannounced stream reach the caller that much later.
 */
const HOLD_MS = 40;

/** Undici is told to let go of a call with this; nobody reads it. */
const GIVEN_UP = new Error("given up");

const timeout = (cause: string): Rejection => rejection("upstream.timeout", { cause });

const answered = (answer: Answer): Forwarded => ({ kind: "response", response: answer.toWhole() });
/** An end without a beginning; undici does not do this, and a caller must not wait for ever if it did. */
const NO_HEAD: Forwarded = {
  kind: "rejected",
  rejection: rejection("upstream.invalid_response", { cause: "an end without a head" }),
};

type Phase = "waiting" | "connecting" | "sent" | "collecting" | "holding" | "streaming" | "ended";

export class Call implements Dispatcher.DispatchHandler, Deadlined, AnswerSource {
  readonly context: RequestContext;
  readonly options: ForwardOptions;
  /** Index of the target it was sent to. */
  target = 0;
  dueAtMs: number;
  slot = -1;

  readonly #home: CallHome;
  #startedAtMs: number;
  #resolve: ((forwarded: Forwarded) => void) | undefined;
  #phase: Phase = "waiting";
  #isConnected = false;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #answer: Answer | undefined;
  #stream: AnswerStream | undefined;
  #isPaused = false;

  constructor(home: CallHome, context: RequestContext, options: ForwardOptions) {
    this.#home = home;
    this.context = context;
    this.options = options;
    this.#startedAtMs = performance.now();
    this.dueAtMs = this.#startedAtMs + home.limits.timeoutMs;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  get isEnded(): boolean {
    return this.#phase === "ended";
  }

  /** Settles once, with the answer or its head, or with why there is none. */
  begin(): Promise<Forwarded> {
    const answer = new Promise<Forwarded>((resolve) => {
      this.#resolve = resolve;
    });
    const { body } = this.options;
    this.options.onCallerGone(() => this.giveUp(rejection("listener.caller_gone")));
    if (!Buffer.isBuffer(body)) this.#watchUpload(body);
    return answer;
  }

  /** The call leaves the queue for this target. */
  sendTo(target: number, nowMs: number): void {
    this.target = target;
    this.#phase = "connecting";
    this.dueAtMs = Math.min(nowMs + this.#home.limits.connectTimeoutMs, this.#totalDueAtMs());
  }

  /** Ends the call from this side, in any phase; a second time does nothing. */
  giveUp(reason: Rejection): void {
    const phase = this.#phase;
    if (phase === "ended") return;
    this.#phase = "ended";
    if (phase === "streaming")
      this.#stream?.destroy(new AnswerBroken(reason.code, reason.cause ?? reason.code));
    else {
      const wasSent = phase !== "waiting" && phase !== "connecting";
      this.#settle({ kind: "rejected", rejection: reason, wasSent });
    }
    this.dueAtMs = Number.POSITIVE_INFINITY;
    if (phase === "waiting") this.#home.leaveQueue(this);
    // Before there is a connection nothing can be aborted: `onConnect` refuses to begin, or connecting fails.
    else this.#abort?.(GIVEN_UP);
  }

  onDue(nowMs: number): void {
    switch (this.#phase) {
      case "waiting":
        return this.giveUp(
          rejection("upstream.saturated", { cause: "no free connection in time" }),
        );
      case "connecting":
        return this.giveUp(rejection("upstream.connect_timeout"));
      case "sent":
        return this.giveUp(timeout("no head of an answer in time"));
      case "collecting":
        return this.giveUp(timeout("no end of the answer in time"));
      case "holding":
        if (nowMs >= this.#totalDueAtMs())
          return this.giveUp(timeout("no end of the answer in time"));
        return this.#startStream(this.#answer as Answer);
      case "streaming":
        return this.giveUp(timeout("a streamed answer fell silent"));
      case "ended":
        return undefined;
    }
  }

  // What undici calls. Its older handler interface: the newer one wraps each call in two more objects, turns the raw
  // fields into an object first, and does not tell when the request was sent.

  onConnect(abort: (error?: Error) => void): void {
    // The request is not written when this throws, and the connection stays usable.
    if (this.#phase === "ended") throw GIVEN_UP;
    this.#abort = abort;
    this.#isConnected = true;
    this.#phase = "sent";
    this.dueAtMs = this.#isUpload() ? this.#idleDueAtMs() : this.#headDueAtMs();
  }

  onBodySent(): void {
    if (this.#phase === "sent" && this.#isUpload()) this.dueAtMs = this.#idleDueAtMs();
  }

  onRequestSent(): void {
    if (this.#phase !== "sent" || !this.#isUpload()) return;
    // A streamed body takes as long as its caller does: the upstream's time begins when it has the whole request.
    this.#startedAtMs = performance.now();
    this.dueAtMs = this.#headDueAtMs();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    // RFC 9110 section 15.2: informational answers precede the final one; a proxy may leave them out.
    if (status < 200 || this.#phase === "ended") return true;
    const head = status < 600 ? readResponseHead(raw) : "a status code outside 100 to 599";
    if (typeof head === "string")
      return this.#refuse(rejection("upstream.invalid_response", { cause: head }));
    this.#resume = resume;
    return this.#begun(new Answer(status, head, this.#terms(head)));
  }

  onData(chunk: Buffer): boolean {
    const answer = this.#answer;
    if (this.#phase === "ended" || answer === undefined) return true;
    if (!answer.count(chunk)) return this.#refuse(rejection("contract.response_too_large"));
    if (this.#phase === "streaming") return this.#pass(chunk);
    answer.keep(chunk);
    if (this.#phase !== "holding" || answer.receivedBytes <= this.#home.limits.streamAboveBytes)
      return true;
    this.#startStream(answer);
    return !this.#isPaused;
  }

  onComplete(): void {
    const phase = this.#phase;
    this.#phase = "ended";
    if (phase === "streaming") this.#stream?.push(null);
    else if (phase !== "ended") this.#settle(this.#answer ? answered(this.#answer) : NO_HEAD);
    this.#home.release(this, "connected");
  }

  onError(error: Error): void {
    const phase = this.#phase;
    this.#phase = "ended";
    if (phase === "streaming") this.#stream?.destroy(error);
    else if (phase !== "ended") {
      const progress = this.#isConnected ? "sent" : "connecting";
      this.#settle({ kind: "rejected", rejection: rejectionOfError(error, progress) });
    }
    this.#home.release(this, this.#isConnected || error === GIVEN_UP ? "connected" : "unreachable");
  }

  // What the answer's stream calls.

  resume(): void {
    if (!this.#isPaused || this.#phase !== "streaming") return;
    this.#isPaused = false;
    this.dueAtMs = this.#idleDueAtMs();
    this.#resume?.();
  }

  stop(): void {
    if (this.#phase !== "streaming") return;
    this.#phase = "ended";
    this.dueAtMs = Number.POSITIVE_INFINITY;
    this.#abort?.(GIVEN_UP);
  }

  #pass(chunk: Buffer): boolean {
    if (this.#stream?.push(chunk)) {
      this.dueAtMs = this.#idleDueAtMs();
      return true;
    }
    // While the reader is slow it is not the upstream that is silent.
    this.#isPaused = true;
    this.dueAtMs = Number.POSITIVE_INFINITY;
    return false;
  }

  /** The head is there; its answer says what becomes of the body. */
  #begun(answer: Answer): true {
    this.#answer = answer;
    this.dueAtMs = this.#totalDueAtMs();
    switch (answer.way) {
      case "none":
        // Complete as it is. Undici takes a 304 that says the length of what it stands for to be cut short, and hangs up.
        this.#phase = "ended";
        this.#settle(answered(answer));
        return true;
      case "too_large":
        return this.#refuse(rejection("contract.response_too_large"));
      case "collect":
        this.#phase = "collecting";
        return true;
      case "hold":
        this.#phase = "holding";
        this.dueAtMs = Math.min(performance.now() + HOLD_MS, this.dueAtMs);
        return true;
      case "stream":
        this.#startStream(answer);
        return true;
    }
  }

  #terms({ isEventStream }: ResponseHead): AnswerTerms {
    const { responseLimitBytes, streamAboveBytes } = this.#home.limits;
    const { mayStreamEvents = false } = this.options;
    const mustBuffer = this.options.mustBuffer && !(mayStreamEvents && isEventStream);
    return {
      method: this.context.request.method,
      mustBuffer,
      limitBytes: mustBuffer
        ? Math.min(this.options.responseLimitBytes, responseLimitBytes)
        : responseLimitBytes,
      streamAboveBytes,
    };
  }

  #startStream(answer: Answer): void {
    const stream = new AnswerStream(this);
    this.#stream = stream;
    this.#phase = "streaming";
    this.dueAtMs = this.#idleDueAtMs();
    for (const chunk of answer.takeKept()) this.#pass(chunk);
    this.#settle({ kind: "response", response: answer.toStreamed(stream) });
  }

  #refuse(reason: Rejection): true {
    this.giveUp(reason);
    return true;
  }

  #settle(forwarded: Forwarded): void {
    this.#resolve?.(forwarded);
    this.#resolve = undefined;
  }

  /** A body that breaks before undici listens to it would otherwise end the process with an unheard error. */
  #watchUpload(body: Readable): void {
    body.on("error", (error) =>
      this.giveUp(
        error instanceof BodyRejected ? error.rejection : rejection("listener.body_incomplete"),
      ),
    );
  }

  #isUpload(): boolean {
    return !Buffer.isBuffer(this.options.body);
  }

  #totalDueAtMs(): number {
    return this.#startedAtMs + this.#home.limits.timeoutMs;
  }

  #headDueAtMs(): number {
    return this.#startedAtMs + this.#home.limits.headerTimeoutMs;
  }

  #idleDueAtMs(): number {
    return performance.now() + this.#home.limits.idleTimeoutMs;
  }
}
