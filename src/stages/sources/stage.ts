/**
 * Where from: sheds floods, unwanted networks and sources that only probe before any cryptography is spent on them. It goes
 * by the caller's address as the listener established it, and by nothing a caller can write.
 */
import {
  CATALOGUE,
  rejection,
  type Rejection,
  type RejectionCode,
} from "../../pipeline/rejection.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type {
  Clock,
  Decision,
  Ending,
  PreparedStage,
  StageHandlers,
} from "../../pipeline/stage.ts";
import type { SourceRule } from "./address-table.ts";
import { refusalCounter } from "./block-config.ts";
import type { BlockRule } from "./block-table.ts";
import type { SourceList, SourcesConfig } from "./config.ts";
import { Reputation } from "./reputation.ts";
import { isLoopback, sourceKeys } from "./source-key.ts";
import type { SourceMemory } from "./source-memory.ts";

export interface SourcesTools {
  readonly clock: Clock;
  /** One for the process: it outlives configurations. */
  readonly memory: SourceMemory;
}

type SourcesDecision = Decision<"sources">;

const learn = (list: string): SourcesDecision => ({ verdict: "continue", learned: { list } });
const FROM_ANYWHERE = learn("any");
const FROM_ALLOWED = learn("allow");
const UNLIMITED = learn("unlimited");

const denied = (cause: string): SourcesDecision => ({
  verdict: "reject",
  rejection: rejection("sources.address_denied", { cause }),
});
const DENIED = denied("the address is on the deny list");
const NOT_ALLOWED = denied("the address is not on the allow list");
const UNREADABLE = denied("the caller's address is not an IP address");

export function sources(config: SourcesConfig, tools: SourcesTools): PreparedStage<"sources"> {
  // One set of handlers for all routes, unmatched paths included: an address is counted wherever it goes.
  const handlers = new SourcesHandlers(config, tools);
  return { name: "sources", bind: () => handlers };
}

class SourcesHandlers implements StageHandlers<"sources"> {
  readonly #config: SourcesConfig;
  readonly #clock: Clock;
  readonly #memory: SourceMemory;
  readonly #keyOf: (address: string) => string | undefined;
  readonly #reputation: Reputation;
  readonly #passes: SourcesDecision;
  readonly #rate: SourceRule;
  readonly #failures: SourceRule;
  /** Undefined where nobody is blocked. */
  readonly #blocks: BlockRule | undefined;
  readonly #speaksAgainst: (ending: Ending) => boolean;

  constructor(config: SourcesConfig, { clock, memory }: SourcesTools) {
    const { maxAddresses } = config;
    this.#config = config;
    this.#clock = clock;
    this.#memory = memory;
    this.#keyOf = sourceKeys(config.ipv6Prefix);
    this.#reputation = new Reputation(config.lists);
    this.#passes = config.allow ? FROM_ALLOWED : FROM_ANYWHERE;
    this.#rate = { ...config.rate, maxAddresses };
    this.#failures = { ...config.failedAuthentications, maxAddresses };
    this.#blocks = blockRuleOf(config);
    this.#speaksAgainst = refusalCounter(config.blocks);
  }

  onHead({ request }: RequestContext): SourcesDecision {
    const { allow, deny, unlimited } = this.#config;
    const address = request.callerAddress;
    const key = this.#keyOf(address);
    // An address that cannot be read is on no list, so no list could be trusted to have been asked.
    if (key === undefined) return UNREADABLE;
    if (deny.size > 0 && deny.has(address)) return DENIED;
    if (allow !== undefined && !allow.has(address)) return NOT_ALLOWED;
    const denier = this.#reputation.denierOf(address);
    if (denier) return this.#deniedBy(denier);
    const lists = this.#reputation.listsOf(address);
    const isUnlimited = unlimited.size > 0 && unlimited.has(address);
    const refusal = isUnlimited ? undefined : this.#refusalOf({ address, key, lists });
    const passes = isUnlimited ? UNLIMITED : this.#passes;
    const decision = refusal ? ({ verdict: "reject", rejection: refusal } as const) : passes;
    return lists.length === 0 ? decision : marked(decision, passes, lists);
  }

  onEnd({ request }: RequestContext, ending: Ending): void {
    if (ending.code === "ok") return;
    const isFailure = isFailedAuthentication(ending.code);
    const isRefusal = this.#blocks !== undefined && this.#speaksAgainst(ending);
    if (!isFailure && !isRefusal) return;
    const address = request.callerAddress;
    const key = this.#keyOf(address);
    // A proxy on this machine speaks for everybody behind it.
    if (key === undefined || isLoopback(address) || this.#config.unlimited.has(address)) return;
    const nowMs = this.#clock.monotonicMs();
    if (isFailure) this.#memory.failures.add(key, nowMs, this.#failures);
    if (isRefusal) this.#memory.blocks.countRefusal(key, nowMs, this.#blocks);
  }

  #deniedBy(list: SourceList): SourcesDecision {
    this.#memory.countListRefusal(list.name);
    return denied(`the address is on the list "${list.name}"`);
  }

  /** What is held against one source, the cheapest and gravest first. What is refused here counts for nothing else. */
  #refusalOf(source: Source): Rejection | undefined {
    const { address, key } = source;
    const { rates, failures, blocks } = this.#memory;
    const nowMs = this.#clock.monotonicMs();
    const rule = this.#blocks;
    const blockedMs = rule === undefined ? 0 : blocks.waitMs(key, nowMs);
    if (blockedMs > 0)
      return later("sources.blocked", blockedMs, `${address} or its network is blocked`);
    const failedMs = failures.size === 0 ? 0 : failures.waitMs(key, nowMs, this.#failures);
    if (failedMs > 0) {
      const cause = `too many credentials from ${address} or its network have failed`;
      return later("sources.too_many_failures", failedMs, cause);
    }
    const throttled = this.#throttledBy(source, nowMs);
    if (throttled) return throttled;
    const waitMs = rates.admit(key, nowMs, this.#rate);
    if (waitMs > 0) {
      const cause = `${address} or its network is over the rate of one source`;
      return later("sources.rate_exceeded", waitMs, cause);
    }
    if (rule !== undefined) blocks.countRequest(key, nowMs, rule);
    return undefined;
  }

  #throttledBy({ address, key, lists }: Source, nowMs: number): Rejection | undefined {
    for (const { name, rate } of lists) {
      if (rate === undefined) continue;
      const rule = { ...rate, maxAddresses: this.#config.maxAddresses };
      const waitMs = this.#memory.throttleOf(name).admit(key, nowMs, rule);
      if (waitMs === 0) continue;
      this.#memory.countListRefusal(name);
      const cause = `${address} or its network is over the rate of the list "${name}"`;
      return later("sources.rate_exceeded", waitMs, cause);
    }
    return undefined;
  }
}

interface Source {
  readonly address: string;
  readonly key: string;
  /** Reputation lists that hold the address. */
  readonly lists: readonly SourceList[];
}

function blockRuleOf({ blocks, maxAddresses }: SourcesConfig): BlockRule | undefined {
  if (blocks.mode === "off") return undefined;
  const { after, share, for: forMs, factor, longest, forget } = blocks;
  return { ...after, share, forMs, factor, longestMs: longest, forgetMs: forget, maxAddresses };
}

/**
 * 429 for a block, too, and not 403: it ends by itself, `Retry-After` says truthfully when, and programs that obey it stay
 * away until then. A 403 would tell them that their rights are at fault.
 */
function later(code: RejectionCode, waitMs: number, cause: string): Rejection {
  return rejection(code, { cause, retryAfterSeconds: Math.ceil(waitMs / 1000) });
}

/** The decision, with the lists that hold the address on record. */
function marked(
  decision: SourcesDecision,
  passes: SourcesDecision,
  lists: readonly SourceList[],
): SourcesDecision {
  const list = passes.verdict === "continue" ? (passes.learned?.list ?? "") : "";
  const learned = { list, marks: lists.map(({ name }) => name) };
  return decision.verdict === "answer" ? decision : { ...decision, learned };
}

/**
 * 401s that are no failed guess. To show no credential costs nothing to refuse, and is what every caller does that has not
 * been told yet which one is wanted. Those whose time is over were found genuine first: one program that goes on with an
 * old token would shut out everybody behind its address. Against blocks all of them count.
 */
const NO_GUESSES: ReadonlySet<string> = new Set<RejectionCode>([
  "identity.credentials_missing",
  "identity.token_expired",
  "identity.key_expired",
]);

/** Whether a credential was shown that was nobody's. */
const isFailedAuthentication = (code: Ending["code"]): boolean =>
  code !== "ok" &&
  code !== "answered" &&
  !NO_GUESSES.has(code) &&
  code.startsWith("identity.") &&
  CATALOGUE[code].status === 401;
