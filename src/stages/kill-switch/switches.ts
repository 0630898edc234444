/**
 * Kill switches compiled for one route: sorted out when they change, not looked through for each request. With none in
 * effect a decision costs one comparison.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import { rejection, type Rejection } from "../../pipeline/rejection.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { Clock } from "../../pipeline/stage.ts";
import { scopeText } from "../../stores/kill/kill-draft.ts";
import type {
  KillScope,
  KillSwitch,
  KillSwitchStore,
} from "../../stores/kill/kill-switch-store.ts";

/** A signed pack that decides now. */
export interface ActivePolicy {
  readonly version: string;
  /** BLAKE3-256, hexadecimal. */
  readonly blake3: string;
}

export interface SwitchTools {
  readonly clock: Clock;
  /** Outlives configurations. Undefined for tools that only look at one: then no switch is on. */
  readonly killSwitches?: Pick<KillSwitchStore, "active"> | undefined;
  /** Asked at each decision that a switch with a policy is for: packs change without a new configuration. */
  readonly activePolicies?: (() => readonly ActivePolicy[]) | undefined;
}

/** A route, and whether a signed pack decides about it. */
export interface GuardedRoute {
  readonly route: Route;
  readonly isGoverned: boolean;
}

/**
 * Seconds until a caller may ask again what a switch without an end has shut. Lower, callers knock more often while
 * nothing can have changed; higher, they come back later than they could.
 */
const RETRY_SECONDS = 60;

const NONE: readonly KillSwitch[] = [];

/** The switches that fit a route, and those of them that fit a caller too. */
export class RouteSwitches {
  readonly #tools: SwitchTools;
  readonly #guarded: GuardedRoute;
  #compiled: readonly KillSwitch[] = NONE;
  #shut: readonly KillSwitch[] = NONE;
  /** Those for a caller on any route, and those for a caller on this one. */
  #callers: readonly CallerIndex[] = [];

  constructor(guarded: GuardedRoute, tools: SwitchTools) {
    this.#guarded = guarded;
    this.#tools = tools;
  }

  /** The switch that shuts the route for everybody at this moment: one that refuses goes before one that routes. */
  shutFor(): KillSwitch | undefined {
    const active = this.#tools.killSwitches?.active ?? NONE;
    if (active !== this.#compiled) this.#compile(active);
    return this.#shut === NONE ? undefined : this.#firstInEffect(this.#shut);
  }

  /** The switch that shuts the route for this caller at this moment. */
  shutForCaller(identity: AuthenticatedIdentity): KillSwitch | undefined {
    const active = this.#tools.killSwitches?.active ?? NONE;
    if (active !== this.#compiled) this.#compile(active);
    for (const index of this.#callers) {
      const found = this.#firstInEffect(index.of(identity));
      if (found) return found;
    }
    return undefined;
  }

  #compile(active: readonly KillSwitch[]): void {
    const { anywhere, rest } = sorted(active);
    const fitting = rest.filter(({ scope }) => fitsRoute(scope, this.#guarded));
    const shut = fitting.filter(({ scope }) => !namesCaller(scope)).toSorted(byWeight);
    const ofCallers = fitting.filter(({ scope }) => namesCaller(scope)).toSorted(byWeight);
    this.#shut = shut.length === 0 ? NONE : shut;
    this.#callers = [
      ...(anywhere ? [anywhere] : []),
      ...(ofCallers.length === 0 ? [] : [new CallerIndex(ofCallers)]),
    ];
    this.#compiled = active;
  }

  /** Time is read here too: a switch that has expired shuts nothing, though nobody has taken it away yet. */
  #firstInEffect(switches: Iterable<KillSwitch>): KillSwitch | undefined {
    const nowMs = this.#tools.clock.nowMs();
    for (const one of switches) {
      const { scope, expiresAtMs = Infinity } = one;
      if (nowMs < expiresAtMs && this.#isPolicyActive(scope.policy)) return one;
    }
    return undefined;
  }

  #isPolicyActive(policy: string | undefined): boolean {
    if (policy === undefined) return true;
    const active = this.#tools.activePolicies?.() ?? [];
    return active.some(({ version, blake3 }) => version === policy || blake3 === policy);
  }
}

/** Finds the switches for an identity by its names; one that has several is filed under the rarest. */
class CallerIndex {
  readonly #byKey = new Map<string, KillSwitch[]>();
  readonly #byCaller = new Map<string, KillSwitch[]>();
  readonly #byTenant = new Map<string, KillSwitch[]>();

  constructor(switches: readonly KillSwitch[]) {
    for (const one of switches) {
      const { key, caller, tenant = "" } = one.scope;
      if (key !== undefined) file(this.#byKey, key, one);
      else if (caller !== undefined) file(this.#byCaller, caller, one);
      else file(this.#byTenant, tenant, one);
    }
  }

  *of({ credentialId, caller, tenant }: AuthenticatedIdentity): Iterable<KillSwitch> {
    const found = [
      ...(this.#byKey.get(credentialId ?? "") ?? NONE),
      ...(this.#byCaller.get(caller) ?? NONE),
      ...(this.#byTenant.get(tenant ?? "") ?? NONE),
    ];
    for (const one of found) {
      const { scope } = one;
      const isCaller = scope.caller === undefined || scope.caller === caller;
      const isTenant = scope.tenant === undefined || scope.tenant === tenant;
      if (isCaller && isTenant) yield one;
    }
  }
}

interface Sorted {
  /** For callers, whichever route they call: the same for all routes. */
  readonly anywhere: CallerIndex | undefined;
  readonly rest: readonly KillSwitch[];
}

/** Sorted out once for each state of the store, and not again for each route. */
const SORTED = new WeakMap<readonly KillSwitch[], Sorted>();

function sorted(active: readonly KillSwitch[]): Sorted {
  const known = SORTED.get(active);
  if (known) return known;
  const anywhere = active.filter(({ scope }) => namesCaller(scope) && !namesRoute(scope));
  const made = {
    anywhere: anywhere.length === 0 ? undefined : new CallerIndex(anywhere),
    rest: active.filter(({ scope }) => namesRoute(scope)),
  };
  SORTED.set(active, made);
  return made;
}

function file(index: Map<string, KillSwitch[]>, name: string, one: KillSwitch): void {
  const filed = index.get(name);
  if (filed) filed.push(one);
  else index.set(name, [one]);
}

/** Private text for the operator. */
export function killedCause({ id, scope, reason }: KillSwitch): string {
  return `kill switch ${id} (${scopeText(scope)}): ${reason}`;
}

/** What everybody is told of what is shut. */
export function killed(by: KillSwitch, clock: Clock, cause: string = killedCause(by)): Rejection {
  const { expiresAtMs } = by;
  const retryAfterSeconds =
    expiresAtMs === undefined
      ? RETRY_SECONDS
      : Math.max(1, Math.ceil((expiresAtMs - clock.nowMs()) / 1_000));
  return rejection("kill-switch.killed", { cause, retryAfterSeconds });
}

const namesCaller = ({ caller, tenant, key }: KillScope): boolean =>
  caller !== undefined || tenant !== undefined || key !== undefined;

const namesRoute = ({ model, version, route, provider, policy }: KillScope): boolean =>
  [model, version, route, provider, policy].some((part) => part !== undefined);

function fitsRoute(scope: KillScope, { route, isGoverned }: GuardedRoute): boolean {
  return (
    (scope.model === undefined || scope.model === route.model) &&
    (scope.version === undefined || scope.version === route.version) &&
    (scope.route === undefined || scope.route === route.id) &&
    (scope.provider === undefined || scope.provider === route.upstream) &&
    (scope.policy === undefined || isGoverned)
  );
}

/** Those that refuse first, the longest first, so that what is said of when to come back is true of all of them. */
function byWeight(a: KillSwitch, b: KillSwitch): number {
  const refusing = Number(a.routeTo !== undefined) - Number(b.routeTo !== undefined);
  if (refusing !== 0) return refusing;
  // Of two that route, the newer is the operator's last word.
  if (a.routeTo !== undefined) return b.createdAtMs - a.createdAtMs || (a.id < b.id ? -1 : 1);
  const [endA, endB] = [a.expiresAtMs ?? Infinity, b.expiresAtMs ?? Infinity];
  return endA === endB ? 0 : endB > endA ? 1 : -1;
}
