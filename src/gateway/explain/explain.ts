/**
 * What would become of a request that never happened: the gateway's own listener rules, stages and runner, on counters
 * of their own. It calls no upstream, records nothing, spends nothing, uses up no single-use token and touches no key.
 */
import type { Forwarder } from "../../pipeline/forward.ts";
import type { Outcome } from "../../pipeline/outcome.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { GatewayResponse } from "../../pipeline/response.ts";
import { refuse, run, type RunTools } from "../../pipeline/run.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { listenerName } from "../../server/config.ts";
import { readHead, type ReadHead } from "../../server/request-head.ts";
import { SourceMemory } from "../../stages/sources/source-memory.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import { redactCredentials } from "../../telemetry/redaction.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import type { Configuration } from "../configuration.ts";
import type { ExplainedEnd, Row } from "./explain-rows.ts";
import { connectionTo, listenerFor, ToldExchange, type Origin } from "./explain-exchange.ts";
import type { ToldRequest } from "./explain-told.ts";
import { Trace } from "./explain-trace.ts";
import type { Match } from "../router.ts";
import { prepareGeneration } from "../prepare.ts";

export interface ExplainOptions extends Origin {
  /** Keys are looked up in it; it is neither written nor closed. */
  readonly keys: KeyStore | undefined;
}

/** A request as understood, and what would become of it. */
export interface Explanation {
  readonly method: string;
  /** Canonical, without its query. */
  readonly path: string;
  readonly listener: string;
  readonly route: Pick<Route, "id" | "template" | "model" | "version">;
  readonly rows: readonly Row[];
  readonly end: ExplainedEnd;
  /** Where it would be sent; undefined when it would not. */
  readonly upstream: string | undefined;
  /** What the gateway would answer; of an upstream's answer only the fields that the gateway would set. */
  readonly answer: {
    readonly status: number | undefined;
    readonly headers: readonly string[];
    readonly body: string;
  };
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** Throws `ToldWrong` when the request cannot be placed, and as `prepareGeneration` does. */
export async function explain(
  told: ToldRequest,
  configuration: Configuration,
  options: ExplainOptions,
): Promise<Explanation> {
  const listener = listenerFor(told, configuration, options);
  const head = readHead(
    { httpVersion: "1.1", method: told.method, target: told.target, rawHeaders: told.rawHeaders },
    connectionTo(listener, configuration, options),
  );
  const generation = await prepareGeneration(configuration, {
    clock: SYSTEM_CLOCK,
    limitStore: new MemoryLimitStore(),
    sources: new SourceMemory(),
    keys: options.keys && withoutTraces(options.keys),
  });
  try {
    const match = head.refusal ? undefined : generation.find(head.request.url.path);
    const walk = new Walk(told, head, match ?? { value: generation.unmatched, params: NO_PARAMS });
    return await walk.explain(listenerName(listener));
  } finally {
    await generation.close();
  }
}

/** The store without its memory of uses: explaining a key is no use of it. The identity stage asks for nothing else. */
function withoutTraces(keys: KeyStore): KeyStore {
  const looked: Pick<KeyStore, "find" | "touch"> = {
    find: (id) => keys.find(id),
    touch: () => undefined,
  };
  return looked as KeyStore;
}

/** One request on its way, watched. */
class Walk {
  readonly #told: ToldRequest;
  readonly #head: ReadHead;
  readonly #plan: Plan;
  readonly #params: Match<Plan>["params"];
  readonly #trace: Trace;
  #outcome: Outcome | undefined;
  #answer: GatewayResponse | undefined;
  #isForwarded = false;

  constructor(told: ToldRequest, head: ReadHead, { value, params }: Match<Plan>) {
    this.#told = told;
    this.#head = head;
    this.#plan = value;
    this.#params = params;
    this.#trace = new Trace(value);
  }

  async explain(listener: string): Promise<Explanation> {
    const { request, refusal } = this.#head;
    const exchange = new ToldExchange(this.#told, request, (answer) => (this.#answer = answer));
    const input = { exchange, plan: this.#trace.plan, params: this.#params };
    await (refusal ? refuse(input, refusal, this.#tools()) : run(input, this.#tools()));
    const { method, url } = request;
    const { id, template, model, version, upstream } = this.#plan.route;
    return {
      method,
      path: redactCredentials(url.path),
      listener,
      route: { id, template, model, version },
      rows: this.#rows().map(redacted),
      end: this.#end(),
      upstream: this.#isForwarded ? upstream : undefined,
      answer: this.#answered(),
    };
  }

  #tools(): RunTools {
    const forwarder: Forwarder = {
      forward: () => {
        this.#isForwarded = true;
        const response = { status: 200, headers: [], body: Buffer.alloc(0) };
        return Promise.resolve({ kind: "response", response });
      },
    };
    const recorder = { record: (outcome: Outcome) => (this.#outcome = outcome) };
    return { forwarder, recorder, clock: SYSTEM_CLOCK };
  }

  #rows(): Row[] {
    const outcome = this.#ended();
    const rows = [this.#listenerRow(), this.#routerRow(), ...this.#trace.rows()];
    const isDecided = rows.some(({ verdict }) => DECIDING.has(verdict));
    if (!this.#isForwarded && !isDecided) rows.push(lastRow(outcome));
    const { upstream } = this.#plan.route;
    if (upstream === undefined) return rows;
    const knew = this.#isForwarded ? `would be sent to ${upstream}` : undefined;
    rows.push({ stage: "upstream", pass: "answer", verdict: "not_asked", knew });
    return [...rows, ...this.#trace.answerRows()];
  }

  #listenerRow(): Row {
    const { request, refusal } = this.#head;
    const row = { stage: "listener", pass: "head" } as const;
    if (refusal)
      return {
        ...row,
        verdict: "refused",
        code: refusal.code,
        why: refusal.cause ?? refusal.message,
      };
    const transport = request.peer.tls ? "TLS" : "plain";
    const knew = `${request.listener}: HTTP/1.1, ${transport}, host ${request.authority}`;
    return { ...row, verdict: "passed", knew };
  }

  #routerRow(): Row {
    const row = { stage: "router", pass: "head" } as const;
    if (this.#head.refusal) return { ...row, verdict: "not_asked" };
    const { id, template, upstream } = this.#plan.route;
    if (upstream !== undefined) return { ...row, verdict: "passed", knew: `${id}, ${template}` };
    // It has the last word, behind the stages that look at every path.
    return { ...row, verdict: "passed", knew: "no route matches" };
  }

  #end(): ExplainedEnd {
    const { decision, status, stage, code } = this.#ended();
    return { decision, stage, code, status: this.#isForwarded ? undefined : status };
  }

  #answered(): Explanation["answer"] {
    if (!this.#answer) return { status: undefined, headers: [], body: "" };
    const { status, headers, body } = this.#answer;
    if (this.#isForwarded) return { status: undefined, headers, body: "" };
    // What the gateway itself answers is held whole.
    const text = Buffer.isBuffer(body) ? body.toString() : "";
    return { status, headers: headers.map(withoutQuery), body: text };
  }

  #ended(): Outcome {
    if (!this.#outcome) throw new Error("an explained request ended without an outcome");
    return this.#outcome;
  }
}

/** Private causes may quote what a caller wrote; they go through the same table as those of the log. */
function redacted(row: Row): Row {
  const { why, knew } = row;
  // An identity is named by the operator's own issuers and keys, in words that look like assignments of secrets.
  const mayQuote = knew !== undefined && row.stage !== "identity" && row.stage !== "authorization";
  return {
    ...row,
    ...(why !== undefined && { why: redactCredentials(why) }),
    ...(mayQuote && { knew: redactCredentials(knew) }),
  };
}

const DECIDING: ReadonlySet<Row["verdict"]> = new Set(["refused", "answered", "failed"]);

/** Said by no stage: the router's 404, or a body that could not be read whole. */
function lastRow({ stage, code, cause, decision }: Outcome): Row {
  const verdict = decision === "error" ? "failed" : "refused";
  return { stage, pass: stage === "router" ? "head" : "body", verdict, code, why: cause };
}

/** A redirect repeats the target, whose query may hold a credential. */
function withoutQuery(text: string, index: number, headers: readonly string[]): string {
  const isLocation = index % 2 === 1 && headers[index - 1] === "location";
  return isLocation ? text.replace(/\?.*$/s, "?...") : text;
}
