/**
 * Turns refused requests into exclusions as narrow as the record allows: one rule, one field, one route. It proposes, and
 * warns where an exclusion would let attacks in; it never decides that something was harmless.
 */
import type { InspectedRule } from "../../pipeline/facts.ts";
import { ADDRESS_RULE, USER_AGENT_RULE } from "../../stages/waf/reputation.ts";
import type { RefusedRequest } from "./tune-record.ts";

export interface Proposal {
  readonly rule: number;
  readonly message: string;
  readonly route: string;
  /** What `waf.exclusions` calls it; undefined where only the whole rule can be left out. */
  readonly place: ProposedPlace | undefined;
  readonly requests: number;
  readonly callers: number;
  /** Of those, requests that passed because the firewall only watched. */
  readonly watched: number;
  readonly first: string;
  readonly last: string;
  readonly warnings: readonly string[];
}

export interface ProposedPlace {
  readonly kind: "field" | "header" | "cookie";
  readonly name: string;
}

interface Gathered {
  readonly rule: InspectedRule;
  readonly route: string;
  readonly place: ProposedPlace | undefined;
  readonly callers: Set<string>;
  requests: number;
  watched: number;
  first: string;
  last: string;
}

/** Fewer distinct callers than this may be one attacker. */
const FEW_CALLERS = 3;
/** What is kept at most; more would be no list that anybody reads, and an attacker could fill the memory with it. */
const LIMIT_PROPOSALS = 10_000;
const LIMIT_CALLERS = 100_000;

export class Proposals {
  readonly #gathered = new Map<string, Gathered>();
  requests = 0;
  /** Requests refused by the engine itself, or by a rule that names no field: nothing can be proposed for them. */
  withoutProposal = 0;

  add(request: RefusedRequest): void {
    this.requests++;
    const seen = new Set<string>();
    for (const rule of request.inspected.matched) {
      if (!isCause(rule, request)) continue;
      for (const place of placesOf(rule)) {
        const key = JSON.stringify([rule.id, request.route, place?.kind, place?.name]);
        if (seen.has(key)) continue;
        seen.add(key);
        this.#count(key, { rule, place, request });
      }
    }
    if (seen.size === 0) this.withoutProposal++;
  }

  #count(
    key: string,
    {
      rule,
      place,
      request,
    }: {
      readonly rule: InspectedRule;
      readonly place: ProposedPlace | undefined;
      readonly request: RefusedRequest;
    },
  ): void {
    const { route, ts, caller, inspected } = request;
    let one = this.#gathered.get(key);
    if (one === undefined) {
      if (this.#gathered.size >= LIMIT_PROPOSALS) return;
      one = {
        rule,
        route,
        place,
        callers: new Set(),
        requests: 0,
        watched: 0,
        first: ts,
        last: ts,
      };
      this.#gathered.set(key, one);
    }
    one.requests++;
    if (inspected.mode === "detect") one.watched++;
    if (one.callers.size < LIMIT_CALLERS) one.callers.add(caller);
    if (ts < one.first) one.first = ts;
    if (ts > one.last) one.last = ts;
  }

  /** The most frequent first. */
  list(): Proposal[] {
    const proposals = [...this.#gathered.values()].map(({ rule, callers, ...rest }): Proposal => ({
      ...rest,
      rule: rule.id,
      message: rule.message,
      callers: callers.size,
      warnings: warningsFor(rule.id, rest.place, callers.size),
    }));
    return proposals.sort((a, b) => b.requests - a.requests || a.rule - b.rule);
  }
}

/**
 * Lists of known-bad callers, which are settings of their own; and rules that only compare the sum of all others: leaving
 * one out would switch the firewall off.
 */
const NEVER_EXCLUDED: readonly IdBand[] = [
  [ADDRESS_RULE, USER_AGENT_RULE],
  [949_000, 949_999],
  [959_000, 959_999],
  [980_000, 980_999],
  [9_599_000, 9_599_999],
];

type IdBand = readonly [first: number, last: number];

const isIn = (id: number, [first, last]: IdBand): boolean => id >= first && id <= last;

/** Whether the rule gave points, or refused by itself. */
function isCause({ id, scores }: InspectedRule, { inspected }: RefusedRequest): boolean {
  if (id === 0 || NEVER_EXCLUDED.some((band) => isIn(id, band))) return false;
  return id === inspected.refusedBy?.rule || Object.keys(scores).length > 0;
}

function placesOf({ fields }: InspectedRule): (ProposedPlace | undefined)[] {
  if (fields.length === 0) return [undefined];
  return fields.map(({ name }) => placeOf(name));
}

/** What an exclusion can name. One of a field binds to rules over ARGS alone. */
const KINDS: Readonly<Record<string, ProposedPlace["kind"]>> = {
  ARGS: "field",
  REQUEST_HEADERS: "header",
  REQUEST_COOKIES: "cookie",
};

/** `ARGS:json.items.0.sku` is the field `json.items.*.sku`. A name of which the record left a part out is none. */
function placeOf(target: string): ProposedPlace | undefined {
  const [collection = "", ...rest] = target.split(":");
  const name = rest.join(":");
  const kind = Object.hasOwn(KINDS, collection) ? KINDS[collection] : undefined;
  if (kind === undefined || !/^[A-Za-z0-9_.-]+$/.test(name)) return undefined;
  if (kind !== "field") return { kind, name };
  const parts = name.split(".").map((part) => (/^\d+$/.test(part) ? "*" : part));
  return { kind, name: parts.join(".") };
}

/** What ordinary traffic does not hold, by whose ids say it. */
const CLASSES: readonly (readonly [IdBand, string])[] = [
  [[200_000, 200_999], "the body could not be read: mend the sender"],
  [[913_000, 913_999], "it finds scanners"],
  [[921_000, 921_999], "it guards against request smuggling and split answers"],
  [[922_000, 922_999], "it guards against forms that two readers read differently"],
  [[944_000, 944_999], "it guards against Java gadgets and Log4Shell"],
  [[9_501_000, 9_501_999], "it guards against malformed messages and abused headers"],
  [[9_515_000, 9_515_999], "it guards against requests forged by this server"],
  [[9_517_000, 9_517_999], "it guards against deserialisation gadgets and Log4Shell"],
];

function warningsFor(id: number, place: ProposedPlace | undefined, callers: number): string[] {
  const warnings = CLASSES.filter(([band]) => isIn(id, band)).map(
    ([, reason]) => `do not exclude this lightly: ${reason}`,
  );
  if (callers < FEW_CALLERS)
    warnings.push(
      `only ${callers} distinct ${callers === 1 ? "caller" : "callers"}: an attack looks like this too`,
    );
  if (place === undefined)
    warnings.push("no field is known that could be left out alone: this leaves out the whole rule");
  return warnings;
}
