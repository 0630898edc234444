/**
 * Header fields of issuers' own, in which a proxy hands on a token. A field that is to come from an edge is not read from
 * anyone else: a token that was caught behind the edge must not open the gateway around it.
 */
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { Clock } from "../../pipeline/stage.ts";
import type { IdentityConfig } from "./config.ts";

interface PresentedToken {
  readonly field: string;
  /** Repeated fields joined by a comma. */
  readonly token: string;
}

const NONE: readonly PresentedToken[] = [];

export class TokenFields {
  readonly #names: readonly { readonly name: string; readonly isFromEdge: boolean }[];
  readonly #edge: IdentityConfig["edge"];
  readonly #clock: Clock;

  /** Throws, with a text for the operator, when a field is to come from an edge and none is listed. */
  constructor({ issuers, edge }: Pick<IdentityConfig, "issuers" | "edge">, clock: Clock) {
    const names = new Map<string, boolean>();
    for (const [issuer, { header, headerFrom = "edge" }] of Object.entries(issuers)) {
      if (header === undefined) continue;
      if (headerFrom === "edge" && edge === undefined)
        throw new Error(
          `issuer ${issuer}: its tokens come from an edge, but none is listed; add constitution.edge, or headerFrom: anyone`,
        );
      names.set(header, headerFrom === "edge");
    }
    this.#names = [...names].map(([name, isFromEdge]) => ({ name, isFromEdge }));
    this.#edge = edge;
    this.#clock = clock;
  }

  /** The tokens that came in such fields, of which at most one may stand. */
  find({ peer, request }: RequestContext): readonly PresentedToken[] {
    if (this.#names.length === 0) return NONE;
    const found: PresentedToken[] = [];
    for (const { name, isFromEdge } of this.#names) {
      const token = request.headers.get(name);
      if (token === undefined) continue;
      if (isFromEdge && this.#edge?.has(peer, this.#clock.nowMs()) !== true) continue;
      found.push({ field: name, token });
    }
    return found;
  }
}
