/**
 * Where from: sheds floods and unwanted networks before any cryptography is spent on them. It goes by the caller's
 * address as the listener established it, and by nothing a caller can write.
 */
import { CidrSet } from "../../config/cidr.ts";
import { lastRead, readAddress } from "../../config/ip-text.ts";
import { rejection } from "../../pipeline/rejection.ts";
import {
  type Clock,
  type Decision,
  type PreparedStage,
  type StageHandlers,
} from "../../pipeline/stage.ts";
import type { AddressTable } from "./address-table.ts";
import type { SourcesConfig } from "./config.ts";

export interface SourcesTools {
  readonly clock: Clock;
  /** One for the process: it outlives configurations. */
  readonly table: AddressTable;
}

const learn = (list: string): Decision<"sources"> => ({ verdict: "continue", learned: { list } });
const FROM_ANYWHERE = learn("any");
const FROM_ALLOWED = learn("allow");
const UNLIMITED = learn("unlimited");

const refuse = (cause: string): Decision<"sources"> => ({
  verdict: "reject",
  rejection: rejection("sources.address_denied", { cause }),
});
const DENIED = refuse("the address is on the deny list");
const NOT_ALLOWED = refuse("the address is not on the allow list");
const UNREADABLE = refuse("the caller's address is not an IP address");

export function sources(config: SourcesConfig, tools: SourcesTools): PreparedStage<"sources"> {
  // One set of handlers for all routes, unmatched paths included: an address is counted wherever it goes.
  const handlers = handlersOf(config, tools);
  return { name: "sources", bind: () => handlers };
}

function handlersOf(
  config: SourcesConfig,
  { clock, table }: SourcesTools,
): StageHandlers<"sources"> {
  const allow = config.allow && new CidrSet(config.allow);
  const deny = new CidrSet(config.deny);
  const unlimited = new CidrSet(config.unlimited);
  const rule = { ...config.rate, maxAddresses: config.maxAddresses };
  const passes = allow ? FROM_ALLOWED : FROM_ANYWHERE;
  const toKey = keyMaker(config.ipv6Prefix);

  return {
    onHead({ request }) {
      const address = request.callerAddress;
      const key = toKey(address);
      // An address that cannot be read is on no list, so neither list could be trusted to have been asked.
      if (key === undefined) return UNREADABLE;
      if (deny.size > 0 && deny.has(address)) return DENIED;
      if (allow !== undefined && !allow.has(address)) return NOT_ALLOWED;
      if (unlimited.size > 0 && unlimited.has(address)) return UNLIMITED;
      const waitMs = table.admit(key, clock.monotonicMs(), rule);
      return waitMs === 0 ? passes : tooMany(address, waitMs);
    },
  };
}

function tooMany(address: string, waitMs: number): Decision<"sources"> {
  return {
    verdict: "reject",
    rejection: rejection("sources.rate_exceeded", {
      cause: `${address} or its network is over the rate of one source`,
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    }),
  };
}

/** Canonical dotted decimal, loosely: the listener has read it strictly. */
const DOTTED = /^[0-9.]{7,15}$/;

/** The key a source is counted under: an IPv4 address as it is, an IPv6 address by its network. */
function keyMaker(ipv6PrefixBits: number): (address: string) => string | undefined {
  // A shift by 32 would be a shift by 0, but the prefix is never shorter than 32 bits.
  const lowMask = ipv6PrefixBits > 32 ? (0xffffffff << (64 - ipv6PrefixBits)) >>> 0 : 0;
  return (address) => {
    // The listener hands canonical text on: without a colon it is IPv4, and no other text is ever so short and dotted.
    if (DOTTED.test(address)) return address;
    const family = readAddress(address);
    if (family === 4) return address;
    if (family === 0) return undefined;
    const high = lastRead[0] as number;
    const low = (lastRead[1] as number) & lowMask;
    // 64 bits as four code units: cheaper than writing digits, never shown, and shorter than any IPv4 address.
    return String.fromCharCode(high >>> 16, high & 0xffff, low >>> 16, low & 0xffff);
  };
}
