/** What the firewall does on one route: when it runs which phase, and what it makes of the verdict. */
import type { Facts, InspectedRule } from "../../pipeline/facts.ts";
import { type Rejection, rejection } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { CONTINUE, type Decision, type StageHandlers } from "../../pipeline/stage.ts";
import type { RuleInfo, Verdict } from "../../seclang/index.ts";
import { judgeAnswer } from "./answer.ts";
import type { RouteSettings } from "./config.ts";
import { decodeBody, isEncoded } from "./encoded-body.ts";
import { Inspection } from "./inspection.ts";
import { toRequestHead } from "./message-heads.ts";
import type { RoutePolicies } from "./policies.ts";
import { refuseRequest } from "./refusal.ts";
import type { Reputation } from "./reputation.ts";
import { watchStream } from "./stream-watch.ts";

type WafDecision = Decision<"waf">;

const NO_BODY = Buffer.alloc(0);

export interface RouteRules {
  readonly route: Route;
  readonly settings: RouteSettings;
  readonly policies: RoutePolicies;
  /** The same for event streams; undefined where answers are not inspected. */
  readonly streams: RoutePolicies | undefined;
  readonly rules: ReadonlyMap<number, RuleInfo>;
  /** Parts of field names that the route's schema has. */
  readonly declared: ReadonlySet<string>;
  readonly reputation: Reputation | undefined;
  readonly requestLimitBytes: number;
  readonly responseLimitBytes: number;
}

export function bindRoute(rules: RouteRules): StageHandlers<"waf"> {
  const guard = new RouteGuard(rules);
  const { responseLimitBytes, streams, settings, route } = rules;
  return {
    onHead: (context) => guard.onHead(context),
    ...(route.bodyMode === "buffer" && { onBody: (context) => guard.onBody(context) }),
    ...(streams && {
      onResponse: (context, response) => judgeAnswer(context, response, responseLimitBytes),
      onStream: (context, response) =>
        watchStream(context, response, {
          policy: streams.of(context.facts.identity),
          budgetMs: settings.budget,
        }),
    }),
    onEnd: ({ facts }) => endOf(facts),
  };
}

class RouteGuard {
  readonly #rules: RouteRules;
  readonly #mode: "enforce" | "detect";
  readonly #isStreamed: boolean;

  constructor(rules: RouteRules) {
    this.#rules = rules;
    this.#mode = rules.settings.mode === "detect" ? "detect" : "enforce";
    this.#isStreamed = rules.route.bodyMode === "stream";
  }

  /** Everything where there is no body to wait for; else only what costs next to nothing. */
  onHead(context: RequestContext): WafDecision | Promise<WafDecision> {
    const { reputation, settings } = this.#rules;
    const listed = reputation?.(context.request);
    if (listed && this.#mode === "enforce") {
      const learned = this.#unread(listed);
      const cause = `rule ${listed.id}`;
      return { verdict: "reject", rejection: rejection("waf.blocked", { cause }), learned };
    }
    if (settings.sampling < 1 && Math.random() >= settings.sampling)
      return { verdict: "continue", learned: this.#unread(listed) };
    if (context.request.contentLength !== 0 && !this.#isStreamed) return CONTINUE;
    const inspection = this.#open(context, listed);
    const verdict = inspectHead(inspection, context);
    // Rules that add up points decide in the second phase, also where there is no body or none to be seen.
    return verdict ? decide(inspection, verdict) : this.#inspectBody(inspection, NO_BODY);
  }

  onBody(context: RequestContext): WafDecision | Promise<WafDecision> {
    // Decided at the head.
    if (context.facts.waf !== undefined) return CONTINUE;
    const inspection = this.#open(context, this.#rules.reputation?.(context.request));
    const verdict = inspectHead(inspection, context);
    if (verdict) return decide(inspection, verdict);
    const body = this.#readable(context);
    if (Buffer.isBuffer(body)) return this.#inspectBody(inspection, body);
    if (this.#mode === "detect") return { verdict: "continue", learned: inspection };
    return { verdict: "reject", rejection: body, learned: inspection };
  }

  #open({ facts }: RequestContext, listed: InspectedRule | undefined): Inspection {
    const { policies, rules, declared } = this.#rules;
    const transaction = policies.of(facts.identity).transaction();
    return new Inspection({ mode: this.#mode, transaction, rules, declared, listed });
  }

  #unread(listed: InspectedRule | undefined): Inspection {
    const { rules, declared } = this.#rules;
    return new Inspection({ mode: this.#mode, transaction: undefined, rules, declared, listed });
  }

  /** The bytes that the model will read, or why there are none. */
  #readable({ body, request }: RequestContext): Buffer | Rejection {
    const { requestLimitBytes } = this.#rules;
    const coding = request.headers.get("content-encoding");
    if (body.length > requestLimitBytes && this.#mode === "enforce")
      return rejection("waf.body_too_large");
    if (!isEncoded(coding)) return body;
    return decodeBody(body, coding, requestLimitBytes) ?? rejection("waf.body_unreadable");
  }

  #inspectBody(inspection: Inspection, body: Buffer): WafDecision | Promise<WafDecision> {
    const verdict = inspection.transaction?.requestBody(body);
    const done = (said: Verdict): WafDecision => {
      inspection.request = this.#isStreamed ? "head" : "whole";
      inspection.phaseDone();
      return decide(inspection, said);
    };
    return verdict instanceof Promise ? verdict.then(done) : done(verdict);
  }
}

function inspectHead(inspection: Inspection, { request }: RequestContext): Verdict {
  const verdict = inspection.transaction?.requestHead(toRequestHead(request));
  inspection.request = "head";
  inspection.phaseDone();
  return verdict;
}

function decide(inspection: Inspection, verdict: Verdict): WafDecision {
  if (!verdict) return { verdict: "continue", learned: inspection };
  const refusal = refuseRequest(verdict, inspection.told.fault);
  return { verdict: "reject", rejection: refusal, learned: inspection };
}

function endOf({ waf }: Facts): void {
  if (waf instanceof Inspection) waf.transaction?.end();
}
