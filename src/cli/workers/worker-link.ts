/**
 * One worker process as the primary sees it, from its start to its end. Every question ends: with an answer, with the
 * worker, or when its time is over.
 */
import cluster, { type Worker } from "node:cluster";
import type { Duplex } from "node:stream";
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { serveLimits } from "../../stores/limits/remote/limit-server.ts";
import { returnConnections } from "./connection-returns.ts";
import { isFromWorker, type QuestionName, type Questions, type ToWorker } from "./messages.ts";
import { seatVariables, type WorkerSeat } from "./worker-seat.ts";

/** Where the channel for limits is among the worker's descriptors: behind Node's own channel. */
export const LIMIT_CHANNEL_FD = 4;

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not start, in its own words. */
  readonly refusal: string | undefined;
}

interface Asked {
  readonly settle: (answer: unknown) => void;
  readonly fail: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export interface WorkerLinkOptions {
  readonly seat: WorkerSeat;
  /** What all workers count in. */
  readonly limitStore: LimitStore;
  readonly nowMs: () => number;
  /** Whether another worker serves. */
  readonly hasOthers: () => boolean;
  readonly onReady: () => void;
  readonly onEnd: (end: WorkerEnd) => void;
}

/** The same program, with the same arguments; its lines go where the primary's go. */
export function prepareForks(): void {
  if (!cluster.isPrimary)
    throw new Error(
      "a program that runs this one as a cluster worker of its own is in the way of workers: start portcullis by itself, or set workers to 1",
    );
  // Round robin: the primary takes connections, so that none waits at a worker that is stuck or dies.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"] });
}

export class WorkerLink {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  readonly #options: WorkerLinkOptions;
  #lastId = 0;
  #refusal: string | undefined;
  #hasEnded = false;
  isReady = false;

  /** Starts the process. */
  constructor(options: WorkerLinkOptions) {
    this.#options = options;
    this.#worker = cluster.fork(seatVariables(options.seat));
    const { process: child } = this.#worker;
    // A message to a worker that is just ending; its end is told by itself. Heard on both: cluster passes it on to the
    // worker, where an error that nobody hears would end the primary.
    this.#worker.on("error", () => undefined);
    child.on("error", (error) => {
      // No memory, descriptors or program for another process: then there is no exit either.
      if (child.pid === undefined) this.#endUnborn(error);
    });
    if (child.pid === undefined) return;
    returnConnections(child, options.hasOthers);
    const channel = child.stdio[LIMIT_CHANNEL_FD] as unknown as Duplex;
    serveLimits({ store: options.limitStore, channel, nowMs: options.nowMs });
    child.on("message", (message: unknown) => this.#hear(message));
    child.once("exit", (code: number | null, signal: string | null) => this.#end({ code, signal }));
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  ask<Name extends QuestionName>(
    question: Name,
    ask: Questions[Name]["ask"],
    timeoutMs: number,
  ): Promise<Questions[Name]["answer"]> {
    const { number } = this.#options.seat;
    if (this.#hasEnded) return Promise.reject(new Error(`worker ${number} has ended`));
    const id = ++this.#lastId;
    return new Promise((settle, fail) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        fail(new Error(`worker ${number} did not answer in time`));
      }, timeoutMs);
      this.#asked.set(id, { settle: settle as Asked["settle"], fail, timer });
      const message: ToWorker = { question, id, ask };
      this.#worker.process.send(message, (error) => {
        if (error) this.#settle(id, (asked) => asked.fail(error));
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#worker.process.kill(name);
  }

  #hear(message: unknown): void {
    if (!isFromWorker(message)) return;
    if (message.kind === "ready") {
      this.isReady = true;
      this.#options.onReady();
    } else if (message.kind === "refused") this.#refusal = message.message;
    else if (message.kind === "answer")
      this.#settle(message.id, ({ settle }) => settle(message.answer));
    else this.#settle(message.id, ({ fail }) => fail(new Error(message.message)));
  }

  #settle(id: number, how: (asked: Asked) => void): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    clearTimeout(asked.timer);
    how(asked);
  }

  #endUnborn(error: Error): void {
    if (this.#hasEnded) return;
    this.#refusal = `worker ${this.#options.seat.number} cannot be started: ${error.message}`;
    this.#end({ code: null, signal: null });
  }

  #end({ code, signal }: Pick<WorkerEnd, "code" | "signal">): void {
    this.#hasEnded = true;
    this.isReady = false;
    const error = new Error(`worker ${this.#options.seat.number} has ended`);
    for (const id of this.#asked.keys()) this.#settle(id, ({ fail }) => fail(error));
    this.#options.onEnd({ code, signal, refusal: this.#refusal });
  }
}
