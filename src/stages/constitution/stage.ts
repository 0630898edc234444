/**
 * The constitution: the organisation's signed pack decides over all that the gateway has proved. It must never leave out
 * a route that leads to an upstream, and never show a caller which rule it failed.
 */
import type { FieldName, PackContext } from "../../packs/fields.ts";
import type { ConstitutionVerdict, DecisionSubject } from "../../packs/life/serving.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import {
  CONTINUE,
  type Clock,
  type Decision,
  type PreparedStage,
  type StageHandlers,
} from "../../pipeline/stage.ts";
import { sealWith } from "./answer-signature.ts";
import type { ConstitutionConfig } from "./config.ts";
import {
  compareEdgeDecision,
  edgeFacts,
  prepareEdge,
  type EdgeFacts,
  type EdgeSettings,
} from "./edge-facts.ts";
import { Governance } from "./governed.ts";
import { sightsOf, type Sight } from "./pack-context.ts";
import { ruling } from "./ruling.ts";
import type { Told } from "./told.ts";
import type { WebhookKeyReader } from "./webhook-keys.ts";
import { prepareWebhooks, type WebhookVerdict, type WebhookVerifier } from "./webhook-signature.ts";

/** The packs that serve; which ones they are changes without a new configuration. */
export interface Packs {
  decide(context: PackContext, nowSeconds: number, subject: DecisionSubject): ConstitutionVerdict;
  /** Whether a pack that may decide looks at this field. */
  reads(field: FieldName): boolean;
}

export interface ConstitutionTools extends WebhookKeyReader {
  readonly clock: Clock;
  /** The stage does not close it. */
  readonly constitution: Packs;
  /** Without it `system.panic_mode` is true only where an edge may say so. */
  readonly breakGlass?: { isActive(): boolean; used(): unknown } | undefined;
  /** The stage of the configuration that this one replaces: deliveries that it accepted stay accepted. */
  readonly previous?: PreparedStage<"constitution"> | undefined;
}

const NOBODY: ReadonlySet<string> = new Set();

/** What a reload takes over from a stage. */
const WEBHOOKS = new WeakMap<PreparedStage<"constitution">, WebhookVerifier>();

/** Reads the partners' keys and the key that signs answers; throws when one of them cannot be used. */
export async function constitution(
  config: ConstitutionConfig,
  tools: ConstitutionTools,
): Promise<PreparedStage<"constitution">> {
  const { previous: replaced, clock, constitution: packs, breakGlass } = tools;
  const previous = replaced && WEBHOOKS.get(replaced);
  const webhooks =
    config.webhooks && (await prepareWebhooks(config.webhooks, { ...tools, previous }));
  const seal =
    config.signAnswers && sealWith((await tools.readSecret(config.signAnswers)).reveal());
  // Not all of the tools: with the stage before this one, a judge would keep every one before that.
  const judging = { clock, packs, breakGlass, edge: config.edge && prepareEdge(config.edge) };
  for (const [id, partner] of config.webhookRoutes)
    if (!webhooks?.has(partner))
      throw new Error(`route ${id} names the webhook partner ${partner}, which is not configured`);
  const stage: PreparedStage<"constitution"> = {
    name: "constitution",
    bind(route) {
      // Paths that match nothing lead nowhere: 404 is the router's to say.
      if (route.upstream === undefined) return null;
      const partner = config.webhookRoutes.get(route.id);
      const judge = new Judge(route, judging);
      const handlers =
        partner === undefined || webhooks === undefined
          ? { onHead: (context: RequestContext) => judge.decide(context, NO_DELIVERY) }
          : webhookHandlers(judge, { route, partner, webhooks });
      return seal ? { ...handlers, seal } : handlers;
    },
  };
  if (webhooks) WEBHOOKS.set(stage, webhooks);
  return stage;
}

interface WebhookBinding {
  readonly route: Route;
  readonly partner: string;
  readonly webhooks: WebhookVerifier;
}

/** The signature is over the body, so that nothing is decided before all of it is there. */
function webhookHandlers(
  judge: Judge,
  { route, partner, webhooks }: WebhookBinding,
): StageHandlers<"constitution"> {
  if (route.bodyMode === "stream")
    throw new Error(`route ${route.id} has a webhook partner, but streams its body unseen`);
  return {
    // But what the limits refuse, and no pack asks about, is not worth reading.
    onHead: (context) => judge.refuseExcess(context) ?? CONTINUE,
    onBody: (context) => {
      const webhook = webhooks.verify(context, partner);
      return judge.decide(context, { webhook, outcome: webhook?.outcome ?? "unsigned" });
    },
  };
}

/** What a request on a partner's route carries; nothing on any other. */
interface Delivery {
  readonly webhook: WebhookVerdict | undefined;
  readonly outcome: Told["webhook"];
}

const NO_DELIVERY: Delivery = { webhook: undefined, outcome: undefined };

interface Judging extends Pick<ConstitutionTools, "clock" | "breakGlass"> {
  readonly packs: Packs;
  readonly edge: EdgeSettings | undefined;
}

/** Decides for one route. */
class Judge {
  readonly #route: Route;
  readonly #judging: Judging;
  readonly #see: ReturnType<typeof sightsOf>;

  constructor(route: Route, judging: Judging) {
    this.#route = route;
    this.#judging = judging;
    this.#see = sightsOf(route);
  }

  decide(context: RequestContext, delivery: Delivery): Decision<"constitution"> {
    const { clock, packs, breakGlass, edge: settings } = this.#judging;
    const edge = settings && edgeFacts(context, settings);
    const isPanic = breakGlass?.isActive() ?? false;
    const sight = this.#see(context, { edge, webhook: delivery.outcome, isPanic });
    const startedMs = clock.monotonicMs();
    const nowSeconds = Math.floor(clock.nowMs() / 1_000);
    const verdict = packs.decide(sight.fields, nowSeconds, this.#subjectOf(context, sight));
    const evaluationSeconds = (clock.monotonicMs() - startedMs) / 1_000;
    const { effect } = verdict.decision;
    const diverged =
      settings && compareEdgeDecision(edge, { effect, pack: verdict.pack }, settings);
    const learned = new Governance(verdict, sight, { evaluationSeconds, edge: diverged });
    if (isPanic && verdict.pack.evaluator.readsField("system.panic_mode")) breakGlass?.used();
    const refused = ruling({
      verdict,
      governed: learned,
      refusal: context.facts.limits?.refusal,
      doubts: doubtsOf(edge, delivery.webhook),
    });
    return refused
      ? { verdict: "reject", rejection: refused, learned }
      : { verdict: "continue", learned };
  }

  /** What the limits refused, when no pack that may decide looks at it: then it stands. */
  refuseExcess({ facts }: RequestContext): Decision<"constitution"> | undefined {
    const refusal = facts.limits?.refusal;
    if (!refusal || this.#judging.packs.reads("context.rate.ok")) return undefined;
    return { verdict: "reject", rejection: refusal };
  }

  #subjectOf({ request }: RequestContext, { key, groups = NOBODY }: Sight): DecisionSubject {
    return { key, groups, route: this.#route.id, id: request.requestId };
  }
}

const NO_DOUBTS: readonly string[] = [];

/** Why an edge or a delivery was not believed. */
function doubtsOf(
  edge: EdgeFacts | undefined,
  webhook: WebhookVerdict | undefined,
): readonly string[] {
  const isUnreadable = edge !== undefined && edge.unreadable.length > 0;
  if (!isUnreadable && webhook?.outcome !== "refused") return NO_DOUBTS;
  const doubts: string[] = [];
  if (webhook?.outcome === "refused") doubts.push(webhook.cause);
  if (isUnreadable) doubts.push(`the edge's ${edge.unreadable.join(", ")} cannot be read`);
  return doubts;
}
