/**
 * Break-glass: for a bounded time the fact `system.panic_mode` is true. It is a fact for the pack, never a way around
 * anything; it must never last longer than was asked for, whatever happens to the clock or to this process.
 */
import type { KeyObject } from "node:crypto";
import { uptime } from "node:os";
import { SerialQueue } from "../life/serial-queue.ts";
import { requireSigned, requireTimely } from "./approval.ts";
import { requireApproval, stillRemembered, type UsedApproval } from "./approvals.ts";
import { BreakGlassRefused } from "./break-glass-error.ts";
import type { BreakGlassEnd, BreakGlassEvent, BreakGlassState } from "./break-glass-event.ts";
import { requireOrder, type BreakGlassOrder } from "./break-glass-order.ts";
import { readPanicState, writePanicState, type PanicRecord } from "./panic-state-file.ts";
import { Countdown, type Clocks } from "./countdown.ts";
import { remainingMs } from "./remaining-time.ts";

/** A quarter of an hour: long enough to mend a rule, short enough that nobody gets used to it. */
export const DEFAULT_PANIC_TTL_MAX_SEC = 900;

export interface BreakGlassOptions {
  readonly stateFile: string;
  /** Default: `DEFAULT_PANIC_TTL_MAX_SEC`. */
  readonly maxTtlSec?: number | undefined;
  readonly nowMs: () => number;
  /** When given, every start needs a signature by one of these Ed25519 public keys. */
  readonly approvals?: { readonly keys: readonly KeyObject[] } | undefined;
  readonly onEvent: (event: BreakGlassEvent) => void;
  /** Milliseconds that never go back. Default: the process's. */
  readonly monotonicMs?: (() => number) | undefined;
  /** Seconds since the machine was started. Default: the machine's. */
  readonly uptimeSec?: (() => number) | undefined;
}

/** One for each process and state file. */
export class BreakGlass {
  readonly #options: BreakGlassOptions;
  readonly #clocks: Clocks;
  readonly #uptimeSec: () => number;
  readonly #queue = new SerialQueue();
  #usedApprovals: readonly UsedApproval[] = [];
  #running: Countdown | undefined;
  #isClosed = false;

  private constructor(options: BreakGlassOptions) {
    this.#options = options;
    this.#clocks = {
      nowMs: options.nowMs,
      monotonicMs: options.monotonicMs ?? (() => performance.now()),
    };
    this.#uptimeSec = options.uptimeSec ?? uptime;
  }

  /** Goes on with what was on before a restart. A state file that cannot be taken is an event, and nothing is on. */
  static async open(options: BreakGlassOptions): Promise<BreakGlass> {
    const breakGlass = new BreakGlass(options);
    try {
      await breakGlass.#resume();
    } catch (error) {
      breakGlass.#tellRefused(error);
    }
    return breakGlass;
  }

  /** Longest time that may be asked for. */
  get maxTtlSec(): number {
    return this.#options.maxTtlSec ?? DEFAULT_PANIC_TTL_MAX_SEC;
  }

  /** Whether it is on at this moment. Ends it when its time is over, with or without a timer. */
  isActive(nowMs: number = this.#options.nowMs()): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    if (!running.isOver(nowMs)) return true;
    this.#end("expired");
    return false;
  }

  get state(): BreakGlassState | undefined {
    return this.isActive() ? this.#running?.state : undefined;
  }

  /**
   * A decision was made with `system.panic_mode` true. Returns what was on, for that decision's own record: events
   * only sum up.
   */
  used(): BreakGlassState | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    const { state } = running;
    const told = running.use();
    if (told) this.#options.onEvent({ kind: "used", state, ...told });
    return state;
  }

  /** On, as soon as that is durable; what was on before ends. Rejects with `BreakGlassRefused`, and tells of it. */
  start(order: BreakGlassOrder): Promise<BreakGlassState> {
    return this.#queue.run(async () => {
      try {
        return await this.#start(order);
      } catch (error) {
        this.#tellRefused(error);
        throw error;
      }
    });
  }

  /**
   * Off at once; resolves with false when nothing was on. Rejects with `breakglass.state_unwritable` when a restart
   * within its time would switch it on again.
   */
  clear(): Promise<boolean> {
    const wasActive = this.#clear();
    return this.#queue.run(async () => {
      // A start that was under way when this was asked for ends too.
      const isClearedNow = this.#clear();
      await this.#persistOff();
      return wasActive || isClearedNow;
    });
  }

  /** Stops counting; what is on stays on in the state file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue.settled();
    this.#running?.stopWatching();
  }

  async #start(order: BreakGlassOrder): Promise<BreakGlassState> {
    if (this.#isClosed) throw new BreakGlassRefused("breakglass.closed", "the gateway is stopping");
    requireOrder(order, this.maxTtlSec);
    const { stateFile, approvals, nowMs, onEvent } = this.#options;
    const startedMs = nowMs();
    const remembered = stillRemembered(this.#usedApprovals, startedMs);
    const approved = approvals && requireApproval(order, approvals.keys, remembered, startedMs);
    const { ttlSec, reason, by } = order;
    const record: PanicRecord = {
      startedMs,
      untilMs: startedMs + ttlSec * 1_000,
      ttlSec,
      reason,
      ...(by !== undefined && { by }),
      ...(approved && { approval: approved.approval, approvedBy: approved.approvedBy }),
      startedUptimeSec: this.#uptimeSec(),
    };
    const monotonicEndMs = this.#clocks.monotonicMs() + ttlSec * 1_000;
    const usedApprovals = approved?.used ?? remembered;
    await writePanicState(stateFile, { active: record, usedApprovals });
    this.#usedApprovals = usedApprovals;
    if (this.isActive()) this.#end("replaced");
    const state = this.#run(record, monotonicEndMs);
    onEvent({ kind: "started", state });
    return state;
  }

  async #resume(): Promise<void> {
    const { stateFile, nowMs, onEvent } = this.#options;
    const stored = await readPanicState(stateFile);
    if (stored === undefined) return;
    this.#usedApprovals = stored.usedApprovals;
    if (stored.active === undefined) return;
    const record = stored.active;
    this.#requireStored(record);
    const resumedMs = nowMs();
    const leftMs = remainingMs(record, {
      nowMs: resumedMs,
      uptimeSec: this.#uptimeSec(),
      maxTtlSec: this.maxTtlSec,
    });
    if (leftMs > 0) {
      // Earlier than recorded when the cap was lowered, or the clock set back.
      const untilMs = Math.min(record.untilMs, resumedMs + leftMs);
      const state = this.#run({ ...record, untilMs }, this.#clocks.monotonicMs() + leftMs);
      onEvent({ kind: "resumed", state });
      return;
    }
    onEvent({ kind: "ended", state: stateOf(record), cause: "restart", total: 0 });
    this.#persistOffLater();
  }

  /** A file is held to what an order is held to: it must not be the way around the second person. */
  #requireStored(record: PanicRecord): void {
    // The cap may have been lowered since; then less is left of it, which is no fault of the file.
    requireOrder(record, Math.max(this.maxTtlSec, record.ttlSec));
    const { approvals } = this.#options;
    if (approvals === undefined) return;
    const { approval } = record;
    if (approval === undefined)
      throw new BreakGlassRefused(
        "breakglass.state_refused",
        "the state file holds break-glass without the approval that is asked for; it is off",
      );
    requireTimely(approval, record.startedMs);
    requireSigned(record, approval, approvals.keys);
  }

  #run(record: PanicRecord, monotonicEndMs: number): BreakGlassState {
    const running = new Countdown(stateOf(record), monotonicEndMs, this.#clocks);
    this.#running = running;
    running.watch(() => this.isActive());
    return running.state;
  }

  #clear(): boolean {
    if (!this.isActive()) return false;
    this.#end("cleared");
    return true;
  }

  #end(cause: BreakGlassEnd): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.stopWatching();
    const { state, total } = running;
    this.#options.onEvent({ kind: "ended", state, cause, total });
    if (cause === "expired") this.#persistOffLater();
  }

  #persistOffLater(): void {
    this.#queue
      .run(async () => {
        if (this.#running === undefined) await this.#persistOff();
      })
      .catch((error: unknown) => this.#tellRefused(error));
  }

  async #persistOff(): Promise<void> {
    const usedApprovals = stillRemembered(this.#usedApprovals, this.#options.nowMs());
    await writePanicState(this.#options.stateFile, { active: undefined, usedApprovals });
    this.#usedApprovals = usedApprovals;
  }

  #tellRefused(error: unknown): void {
    if (!(error instanceof BreakGlassRefused)) throw error;
    this.#options.onEvent({ kind: "refused", code: error.code, message: error.message });
  }
}

function stateOf({ startedMs, untilMs, reason, by, approvedBy }: PanicRecord): BreakGlassState {
  return {
    source: "operator",
    startedMs,
    untilMs,
    reason,
    ...(by !== undefined && { by }),
    ...(approvedBy !== undefined && { approvedBy }),
  };
}
