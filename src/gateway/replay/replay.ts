/**
 * Decides recorded requests again, from their recorded facts, under a configuration: what would it have changed? The
 * runner and the stages are the gateway's own. It calls no upstream, spends no limit, and guesses at nothing: where the
 * record ends, so does the answer.
 */
import { Readable } from "node:stream";
import type { Exchange, Sent } from "../../pipeline/exchange.ts";
import type { Decider } from "../../pipeline/facts.ts";
import type { Forwarder } from "../../pipeline/forward.ts";
import type { Outcome } from "../../pipeline/outcome.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { rejection, type Rejection } from "../../pipeline/rejection.ts";
import { run, type RunTools } from "../../pipeline/run.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { SourceMemory } from "../../stages/sources/source-memory.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import type { Configuration } from "../configuration.ts";
import { prepareGeneration, type PreparedGeneration } from "../prepare.ts";
import { governingBy, packInFiles, unsignedPack } from "../constitution/governing.ts";
import { constitutionAgain, LIMITS } from "./replay-constitution.ts";
import { RecordedRequest } from "./replay-context.ts";
import { replayPlan, type Replaying } from "./replay-plan.ts";
import type { RecordedDecision } from "./replay-record.ts";
import { RecordedRoutes, type FoundRoute } from "./replay-routes.ts";
import { BODY_TOO_LARGE, DECIDABLE_STAGES, isStage, type DecidableStage } from "./replay-stages.ts";

/** How a recorded request would end now, as far as its record tells. */
export type Replayed =
  | {
      readonly kind: "decided";
      readonly decision: Outcome["decision"];
      readonly stage: Decider;
      readonly code: string;
      readonly grant: string | undefined;
      /** False where authorization was passed then and could not be asked now. */
      readonly isAuthorizationAsked: boolean;
    }
  /** The stage that ended it then would let it pass now; what later stages would say is not on record. */
  | { readonly kind: "passes"; readonly stage: Decider }
  /** The stage would now look at something that is not on record. */
  | { readonly kind: "unknown"; readonly stage: Decider };

export interface ReplayOptions {
  /** Default: all that can be asked from facts alone. */
  readonly decidable?: readonly DecidableStage[];
  /** The YAML of a pack to decide by in place of the configuration's; it need not be signed. */
  readonly rules?: Uint8Array | undefined;
}

const NOTHING = Buffer.alloc(0);
const EMPTY = Promise.resolve(NOTHING);
const TOO_LARGE = Promise.resolve(rejection(BODY_TOO_LARGE));
const SENT: Sent = { bytesOut: 0, isComplete: true };
/** Never read: the forwarder of a replay sends nothing. */
const NO_STREAM = Readable.from([]);
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** A configuration to replay against. One request at a time. */
export class Replay {
  readonly #generation: PreparedGeneration;
  readonly #routes: RecordedRoutes;
  readonly #decidable: readonly DecidableStage[];
  readonly #plans = new Map<Plan, Plan>();
  readonly #tools: RunTools;
  #replaying: Replaying | undefined;
  #outcome: Outcome | undefined;

  private constructor(
    configuration: Configuration,
    generation: PreparedGeneration,
    { decidable }: Required<Pick<ReplayOptions, "decidable">>,
  ) {
    this.#generation = generation;
    this.#routes = new RecordedRoutes(configuration.routes, generation);
    this.#decidable = decidable;
    this.#tools = {
      clock: SYSTEM_CLOCK,
      forwarder: NOWHERE,
      recorder: { record: (outcome) => (this.#outcome = outcome) },
    };
  }

  /** Prepares the configuration, but no way to prove an identity: no key server is asked, no key store opened. */
  static async open(configuration: Configuration, options: ReplayOptions = {}): Promise<Replay> {
    const { identity, ...root } = configuration.root;
    const unasked = { ...identity, issuers: {}, apiKeys: undefined, certificates: [] };
    const nowMs = SYSTEM_CLOCK.nowMs();
    if (options.rules && !root.constitution)
      throw new Error("the configuration has no constitution whose pack could be another");
    const pack = options.rules
      ? unsignedPack(options.rules, nowMs)
      : await packInFiles(configuration, nowMs);
    const generation = await prepareGeneration(
      { ...configuration, root: { ...root, identity: unasked } },
      {
        clock: SYSTEM_CLOCK,
        limitStore: new MemoryLimitStore(),
        sources: new SourceMemory(),
        governing: pack && governingBy(pack),
      },
    );
    const decidable = [
      ...DECIDABLE_STAGES,
      LIMITS,
      ...(pack ? [constitutionAgain(pack, configuration)] : []),
    ];
    return new Replay(configuration, generation, { decidable: options.decidable ?? decidable });
  }

  /** Decides one recorded request again; the one before must have settled. */
  async decide(record: RecordedDecision): Promise<Replayed> {
    if (isBeyondStages(record)) return asRecorded(record);
    const found = this.#routes.find(record.path);
    if (found.kind === "unknown") return { kind: "unknown", stage: "router" };
    const { plan, replaying } = this.#begin(record, found);
    const exchange = new ReplayedExchange(record);
    await run({ exchange, plan, params: NO_PARAMS }, this.#tools);
    return this.#endOf(record, plan, replaying);
  }

  async close(): Promise<void> {
    await this.#generation.close();
  }

  #begin(
    record: RecordedDecision,
    found: FoundRoute & { readonly kind: "plan" },
  ): { readonly plan: Plan; readonly replaying: Replaying } {
    this.#outcome = undefined;
    const fresh: Replaying = {
      record,
      isOpenRoute: found.isOpen,
      end: undefined,
      isStopped: false,
      isAuthorizationAsked: false,
    };
    // One object for all requests: the plans made ready below read it at each step.
    const replaying = (this.#replaying = Object.assign(this.#replaying ?? fresh, fresh));
    let plan = this.#plans.get(found.plan);
    if (!plan) {
      plan = replayPlan(found.plan, this.#decidable, replaying);
      this.#plans.set(found.plan, plan);
    }
    return { plan, replaying };
  }

  #endOf(record: RecordedDecision, plan: Plan, replaying: Replaying): Replayed {
    const outcome = this.#outcome;
    if (!outcome) throw new Error("a replayed request ended without an outcome");
    const { decision, stage, code, context } = outcome;
    const { end, isStopped, isAuthorizationAsked } = replaying;
    const grant = context.facts.authorization?.grant;
    const isDecided = isStage(stage) ? !isStopped : stage === "router" && !end;
    if (isDecided) return { kind: "decided", decision, stage, code, grant, isAuthorizationAsked };
    if (end) return end;
    // The stage that decided then has nothing to say on this route any more.
    if (isStage(record.stage) && plan.head.every((step) => step.stage !== record.stage))
      return { kind: "passes", stage: record.stage };
    return { ...asRecorded(record), grant, isAuthorizationAsked };
  }
}

/**
 * What the listener refuses never gets to a stage. A ledger that could not be written and a bug of the gateway's own end
 * a request anywhere on its way, and no configuration would have changed that. Nor is it on record which stage answered
 * (a preflight, say) when the caller was gone before the answer.
 */
function isBeyondStages({ stage, path, decision, upstream }: RecordedDecision): boolean {
  if (stage === "ledger" || stage === "gateway") return true;
  const isAnsweredByStage = decision === "allow" && upstream === undefined;
  return stage === "listener" && (path === "" || isAnsweredByStage);
}

type Decided = Replayed & { readonly kind: "decided" };

const asRecorded = ({ decision, stage, code, facts }: RecordedDecision): Decided => ({
  kind: "decided",
  decision,
  stage,
  code,
  grant: facts.grant,
  isAuthorizationAsked: false,
});

/** Whatever gets this far was let pass by every stage; nothing is sent. */
const NOWHERE: Forwarder = {
  forward: () =>
    Promise.resolve({ kind: "response", response: { status: 200, headers: [], body: NOTHING } }),
};

/** The wire side of a request that is long over: no body to read, nobody to answer. */
class ReplayedExchange implements Exchange {
  readonly request: RecordedRequest;
  readonly isCallerGone = false;
  readonly bytesIn = 0;

  constructor(record: RecordedDecision) {
    this.request = new RecordedRequest(record);
  }

  onCallerGone(): void {}

  readBody(limitBytes: number): Promise<Buffer | Rejection> {
    const { contentLength = 0 } = this.request;
    return contentLength > limitBytes ? TOO_LARGE : EMPTY;
  }

  streamBody(): Readable {
    return NO_STREAM;
  }

  send(): Sent {
    return SENT;
  }
}
