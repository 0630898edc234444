/**
 * What kind of place an address is, for URLs that the gateway itself fetches: a key server must not be a way to reach
 * into the operator's own network (SSRF). From the IANA special-purpose address registries; what is not listed is public.
 */
import { CidrSet } from "../../config/cidr.ts";
import { cidr } from "../../config/units.ts";

/** `never`: no key server lives there, whatever the configuration says (cloud metadata, multicast, documentation). */
export type AddressClass = "public" | "private" | "loopback" | "never";

const networks = (...texts: string[]) => new CidrSet(texts.map((text) => cidr.parse(text)));

const LOOPBACK = networks("127.0.0.0/8", "::1/128");
const PRIVATE = networks(
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
);
const NEVER = networks(
  "0.0.0.0/8",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  // Forms of IPv6 that carry an IPv4 address inside could carry a private one: compatible, NAT64, 6to4, Teredo.
  "::/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2002::/16",
  "2001::/23",
  "100::/64",
  "2001:db8::/32",
  "3fff::/20",
  "5f00::/16",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
);

/** The class of an address; text that is no address is `never`. */
export function classifyAddress(address: string): AddressClass {
  if (LOOPBACK.has(address)) return "loopback";
  if (PRIVATE.has(address)) return "private";
  return NEVER.has(address) || !/^[0-9A-Fa-f:.]+$/.test(address) ? "never" : "public";
}
