/**
 * For whom a candidate decides: some groups, some routes, a share of identities. It must never depend on which gateway
 * is asked, nor on when.
 */
import { packHash } from "../sign/pack-hash.ts";

/** Whoever is named by any of the three. */
export interface CanaryShare {
  /** 0 to 100. */
  readonly percent?: number | undefined;
  readonly groups?: readonly string[] | undefined;
  /** Ids of routes. */
  readonly routes?: readonly string[] | undefined;
}

/** Who asks, as far as a share goes by it. */
export interface ShareSubject {
  /** Stable for one identity, different for two. Empty: no identity, which is in no share by percent. */
  readonly key: string;
  readonly groups: ReadonlySet<string>;
  readonly route: string;
}

/** Hexadecimal digits of a hash that a number of JavaScript holds exactly. */
const DRAWN_DIGITS = 13;
const DRAWN_RANGE = 16 ** DRAWN_DIGITS;

/** Whether a share names anybody. */
export function isEmptyShare({ percent = 0, groups = [], routes = [] }: CanaryShare): boolean {
  return percent <= 0 && groups.length === 0 && routes.length === 0;
}

/**
 * One candidate's share. Identities are drawn anew for each pack, so that it is not always the same ones who meet new
 * rules first; for one pack the draw stands, on every gateway, and a higher percentage only adds to it.
 */
export class CanaryDraw {
  readonly #share: CanaryShare;
  readonly #blake3: string;
  readonly #routes: ReadonlySet<string>;

  constructor(share: CanaryShare, blake3: string) {
    this.#share = share;
    this.#blake3 = blake3;
    this.#routes = new Set(share.routes);
  }

  has({ key, groups, route }: ShareSubject): boolean {
    if (this.#routes.has(route)) return true;
    const { groups: named = [], percent = 0 } = this.#share;
    if (named.some((group) => groups.has(group))) return true;
    return percent > 0 && key !== "" && this.#drawn(key) * 100 < percent;
  }

  /** From 0 on, below 1. */
  #drawn(key: string): number {
    const hash = packHash(Buffer.from(`${this.#blake3}\n${key}`));
    return Number.parseInt(hash.slice(0, DRAWN_DIGITS), 16) / DRAWN_RANGE;
  }
}
