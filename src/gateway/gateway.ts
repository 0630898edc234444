/**
 * Takes each exchange to the plan of its route in the generation that serves now. A reload builds the next generation,
 * swaps it in at once and closes the old one when its last request has ended; no request ever sees two of them.
 */
import type { Exchange, Handler, MalformedReport } from "../pipeline/exchange.ts";
import type { Forwarder } from "../pipeline/forward.ts";
import type { Journal } from "../pipeline/journal.ts";
import type { Recorder } from "../pipeline/outcome.ts";
import type { Rejection } from "../pipeline/rejection.ts";
import type { Plan } from "../pipeline/plan.ts";
import { refuse, run, type RunTools } from "../pipeline/run.ts";
import type { Clock } from "../pipeline/stage.ts";
import type { Match } from "./router.ts";

/** Everything that one configuration compiled to. */
export interface Generation {
  find(path: string): Match<Plan> | undefined;
  /** The plan of paths that match no route: it guards and decorates, then says 404. */
  readonly unmatched: Plan;
  readonly forwarder: Forwarder;
  /** Names the configuration in records. */
  readonly digest: string;
  /** Frees stages and upstream connections. Called once, when no request uses them any more. */
  close(): Promise<void>;
}

export interface GatewayTools {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Where decisions under the configuration of that digest have to be on record; undefined without a ledger. */
  readonly journalFor?: ((digest: string) => Journal) | undefined;
  readonly onMalformed: (report: MalformedReport) => void;
  readonly onInFlight: (change: 1 | -1) => void;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** A generation in use, with the number of requests that hold it. */
class Tenure {
  readonly generation: Generation;
  readonly tools: RunTools;
  #inFlight = 0;
  #isRetired = false;
  #closed: Promise<void> | undefined;

  constructor(generation: Generation, { recorder, clock, journalFor }: GatewayTools) {
    this.generation = generation;
    const { forwarder, digest } = generation;
    this.tools = { recorder, clock, forwarder, journal: journalFor?.(digest) };
  }

  enter(): void {
    this.#inFlight++;
  }

  leave(): void {
    this.#inFlight--;
    if (this.#isRetired) void this.#closeWhenIdle();
  }

  retire(): void {
    this.#isRetired = true;
    void this.#closeWhenIdle();
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#inFlight === 0) await (this.#closed ??= this.generation.close());
  }
}

export class Gateway implements Handler {
  readonly #tools: GatewayTools;
  #tenure: Tenure;

  constructor(first: Generation, tools: GatewayTools) {
    this.#tools = tools;
    this.#tenure = new Tenure(first, tools);
  }

  /** From the next request on, `next` decides; running requests end under the configuration they began with. */
  swap(next: Generation): void {
    const previous = this.#tenure;
    this.#tenure = new Tenure(next, this.#tools);
    previous.retire();
  }

  async handle(exchange: Exchange): Promise<void> {
    const tenure = this.#enter();
    try {
      const { generation, tools } = tenure;
      const match = generation.find(exchange.request.url.path);
      const plan = match?.value ?? generation.unmatched;
      await run({ exchange, plan, params: match?.params ?? NO_PARAMS }, tools);
    } finally {
      this.#leave(tenure);
    }
  }

  async refuse(exchange: Exchange, rejection: Rejection): Promise<void> {
    const tenure = this.#enter();
    try {
      await refuse(
        { exchange, plan: tenure.generation.unmatched, params: NO_PARAMS },
        rejection,
        tenure.tools,
      );
    } finally {
      this.#leave(tenure);
    }
  }

  malformed(report: MalformedReport): void {
    this.#tools.onMalformed(report);
  }

  /** Retires the generation that serves; its resources are freed when the last request has ended. */
  close(): void {
    this.#tenure.retire();
  }

  #enter(): Tenure {
    const tenure = this.#tenure;
    tenure.enter();
    this.#tools.onInFlight(1);
    return tenure;
  }

  #leave(tenure: Tenure): void {
    this.#tools.onInFlight(-1);
    tenure.leave();
  }
}
