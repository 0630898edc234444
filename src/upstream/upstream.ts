/**
 * One upstream: a pool of kept connections to each target, the choice among them, and a bounded queue in front. A request
 * is sent at most once: nothing here ever repeats it.
 */
import { Pool } from "undici";
import type { ForwardOptions, Forwarded } from "../pipeline/forward.ts";
import { rejection } from "../pipeline/rejection.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { Call, type CallHome, type CallLimits } from "./call.ts";
import type { UpstreamConfig } from "./config.ts";
import { Deadlines } from "./deadlines.ts";
import { createRequestHead, type SentCredential } from "./request-head.ts";
import { tlsOptionsOf, type TlsMaterial } from "./tls.ts";

/**
 * A target that could not be reached is passed over for this long. Without it the dead target, which fails quickest, has
 * the fewest running requests and attracts them all.
 */
const REST_MS = 1_000;

/** An upstream's configuration with its files and secrets read. */
export interface UpstreamSettings {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly tls: TlsMaterial | undefined;
  readonly credential: SentCredential | undefined;
}

interface Target {
  readonly url: string;
  readonly weight: number;
  readonly pool: Pool;
  inFlight: number;
  restsUntilMs: number;
}

/** An upstream at this moment, for metrics. */
export interface UpstreamSnapshot {
  readonly name: string;
  /** Requests that hold a connection or are opening one. */
  readonly inFlight: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  readonly targets: readonly TargetSnapshot[];
}

export interface TargetSnapshot {
  readonly url: string;
  readonly inFlight: number;
  readonly openConnections: number;
  readonly maxConnections: number;
  /** Passed over because it could not be reached a moment ago. */
  readonly isResting: boolean;
}

export class Upstream implements CallHome {
  readonly name: string;
  readonly limits: CallLimits;
  readonly #targets: readonly Target[];
  readonly #maxConnections: number;
  readonly #queueLimit: number;
  readonly #waiting = new Set<Call>();
  readonly #deadlines = new Deadlines();
  readonly #headOf: (context: RequestContext) => string[];
  #inFlight = 0;
  /** Where the search for a target begins; moves on, so that equals take turns. */
  #turn = 0;
  #onIdle: (() => void) | undefined;

  constructor({ name, config, tls, credential }: UpstreamSettings) {
    this.name = name;
    this.limits = limitsOf(config);
    this.#maxConnections = config.connections;
    this.#queueLimit = config.queue;
    this.#headOf = createRequestHead(credential);
    this.#targets = config.targets.map(({ url, weight }) => ({
      url,
      weight,
      pool: openPool(url, config, tls),
      inFlight: 0,
      restsUntilMs: 0,
    }));
  }

  forward(context: RequestContext, options: ForwardOptions): Promise<Forwarded> {
    const call = new Call(this, context, options);
    this.#deadlines.add(call);
    const answer = call.begin();
    if (call.isEnded) return answer;
    const target = this.#pick(call.startedAtMs);
    if (target >= 0) this.#send(call, target, call.startedAtMs);
    else if (this.#waiting.size < this.#queueLimit) this.#waiting.add(call);
    else call.giveUp(rejection("upstream.saturated", { cause: "connections and queue are full" }));
    return answer;
  }

  leaveQueue(call: Call): void {
    this.#waiting.delete(call);
    this.#deadlines.remove(call);
    this.#tellIdle();
  }

  release(call: Call, outcome: "connected" | "unreachable"): void {
    const target = this.#targets[call.target] as Target;
    target.inFlight--;
    this.#inFlight--;
    this.#deadlines.remove(call);
    if (outcome === "unreachable") target.restsUntilMs = performance.now() + REST_MS;
    if (this.#waiting.size > 0) this.#sendNext();
    this.#tellIdle();
  }

  snapshot(): UpstreamSnapshot {
    const nowMs = performance.now();
    return {
      name: this.name,
      inFlight: this.#inFlight,
      waiting: this.#waiting.size,
      targets: this.#targets.map((target) => ({
        url: target.url,
        inFlight: target.inFlight,
        openConnections: target.pool.stats.connected,
        maxConnections: this.#maxConnections,
        isResting: target.restsUntilMs > nowMs,
      })),
    };
  }

  /** Lets running calls end, then closes the connections. New calls must go elsewhere. */
  async close(): Promise<void> {
    if (this.#inFlight > 0 || this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await Promise.all(this.#targets.map((target) => target.pool.destroy()));
  }

  /** Fewest running requests for its weight, among targets with a free connection; -1 when the call has to wait. */
  #pick(nowMs: number): number {
    const count = this.#targets.length;
    const start = this.#turn;
    this.#turn = start + 1 < count ? start + 1 : 0;
    let best = -1;
    let bestLoad = Number.POSITIVE_INFINITY;
    let isAnyAwake = false;
    for (let i = 0; i < count; i++) {
      const at = start + i < count ? start + i : start + i - count;
      const target = this.#targets[at] as Target;
      const isResting = target.restsUntilMs > nowMs;
      if (!isResting && !isAnyAwake) {
        // The first target that can be reached: the resting ones seen so far no longer count.
        isAnyAwake = true;
        best = -1;
        bestLoad = Number.POSITIVE_INFINITY;
      }
      if ((isResting && isAnyAwake) || target.inFlight >= this.#maxConnections) continue;
      const load = (target.inFlight + 1) / target.weight;
      if (load < bestLoad) {
        best = at;
        bestLoad = load;
      }
    }
    return best;
  }

  #sendNext(): void {
    const nowMs = performance.now();
    const target = this.#pick(nowMs);
    if (target < 0) return;
    for (const call of this.#waiting) {
      this.#waiting.delete(call);
      this.#send(call, target, nowMs);
      return;
    }
  }

  #send(call: Call, at: number, nowMs: number): void {
    const target = this.#targets[at] as Target;
    target.inFlight++;
    this.#inFlight++;
    call.sendTo(at, nowMs);
    const { request, facts } = call.context;
    const path = facts["kill-switch"]?.routedTo?.target ?? request.url.target;
    const headers = this.#headOf(call.context);
    let body: ForwardOptions["body"] | null = call.options.body;
    if (!Buffer.isBuffer(body) && request.contentLength !== undefined) {
      // A declared length goes on as declared; undici breaks the call off when the body has another.
      if (request.contentLength === 0) body = null;
      else headers.push("content-length", String(request.contentLength));
    }
    target.pool.dispatch({ path, method: request.method, headers, body }, call);
  }

  #tellIdle(): void {
    if (this.#onIdle && this.#inFlight === 0 && this.#waiting.size === 0) this.#onIdle();
  }
}

function limitsOf(config: UpstreamConfig): CallLimits {
  return {
    timeoutMs: config.timeout,
    connectTimeoutMs: config.connectTimeout,
    headerTimeoutMs: config.headerTimeout ?? config.timeout,
    idleTimeoutMs: config.idleTimeout,
    responseLimitBytes: config.responseLimit,
    streamAboveBytes: config.streamAbove,
  };
}

function openPool(url: string, config: UpstreamConfig, tls: TlsMaterial | undefined): Pool {
  return new Pool(url, {
    connections: config.connections,
    // One request at a time on a connection: a slow answer must not hold up another caller's.
    pipelining: 1,
    keepAliveTimeout: config.keepAlive,
    // What the upstream hints may shorten the time, never lengthen it.
    keepAliveMaxTimeout: config.keepAlive,
    maxHeaderSize: config.responseHeaderLimit,
    // Deadlines are the call's own: undici's are coarse to a second and begin anew with each phase.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: config.connectTimeout,
    connect: url.startsWith("https:") ? tlsOptionsOf(tls) : {},
  });
}
