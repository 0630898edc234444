/**
 * Grants by whom they are for, so that a decision costs the same with ten grants and with ten thousand; and the search
 * for the one that came nearest, which only refusals pay for.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { Route } from "../../pipeline/request-context.ts";
import { allows, failuresOf, type CompiledGrant, type Failure } from "./grant.ts";

/** Grants looked at to explain one refusal. Raised, every refused request may cost that much more. */
const NEAREST_SEARCH_LIMIT = 16;

const NONE: readonly CompiledGrant[] = [];

export interface Nearest {
  readonly grant: CompiledGrant;
  readonly failures: readonly Failure[];
}

export class GrantIndex {
  readonly #byCaller = new Map<string, CompiledGrant[]>();
  readonly #byTenant = new Map<string, CompiledGrant[]>();
  /** Grants that name neither caller nor tenant: tried for everyone. */
  readonly #forAnyone: CompiledGrant[] = [];
  readonly #all: readonly CompiledGrant[];

  constructor(grants: readonly CompiledGrant[]) {
    this.#all = grants;
    for (const grant of grants) {
      if (grant.callers) file(this.#byCaller, grant.callers, grant);
      else if (grant.tenants) file(this.#byTenant, grant.tenants, grant);
      else this.#forAnyone.push(grant);
    }
  }

  /** The first grant that allows the call: of the caller's own, then the tenant's, then everyone's. */
  find(identity: AuthenticatedIdentity, method: string): CompiledGrant | undefined {
    return (
      firstAllowing(this.#ofCaller(identity), identity, method) ??
      firstAllowing(this.#ofTenant(identity), identity, method) ??
      firstAllowing(this.#forAnyone, identity, method)
    );
  }

  /** The grant with the fewest failed conditions among those most likely meant for this caller. */
  nearest(
    identity: AuthenticatedIdentity,
    call: { readonly route: Route; readonly method: string },
  ): Nearest | undefined {
    let best: Nearest | undefined;
    let looked = 0;
    const candidates = [
      this.#ofCaller(identity),
      this.#ofTenant(identity),
      this.#forAnyone,
      this.#all,
    ];
    for (const grants of candidates)
      for (const grant of grants) {
        if (looked++ === NEAREST_SEARCH_LIMIT) return best;
        const failures = failuresOf(grant, identity, call);
        if (!best || failures.length < best.failures.length) best = { grant, failures };
      }
    return best;
  }

  #ofCaller({ caller }: AuthenticatedIdentity): readonly CompiledGrant[] {
    return this.#byCaller.get(caller) ?? NONE;
  }

  #ofTenant({ tenant }: AuthenticatedIdentity): readonly CompiledGrant[] {
    return tenant === undefined ? NONE : (this.#byTenant.get(tenant) ?? NONE);
  }
}

function file(
  index: Map<string, CompiledGrant[]>,
  keys: Iterable<string>,
  grant: CompiledGrant,
): void {
  for (const key of keys) {
    const grants = index.get(key);
    if (grants) grants.push(grant);
    else index.set(key, [grant]);
  }
}

function firstAllowing(
  grants: readonly CompiledGrant[],
  identity: AuthenticatedIdentity,
  method: string,
): CompiledGrant | undefined {
  for (const grant of grants) if (allows(grant, identity, method)) return grant;
  return undefined;
}
