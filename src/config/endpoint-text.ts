/** Addresses to listen on and host names as text, parsed strictly; nothing here asks the name service. */
import { parseAddress } from "./cidr.ts";
import { UnitError } from "./unit.ts";

/** Where a listener listens. `host` has no brackets. */
export interface BindAddress {
  readonly host: string;
  readonly port: number;
  /** Whether only this machine can reach it: 127.0.0.0/8, ::1 or localhost. */
  readonly isLoopback: boolean;
}

/** "127.0.0.1:8443" or "[::]:8443" to host and port. Throws `UnitError`. */
export function parseBindAddress(text: string): BindAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (!match) {
    const isBareV6 =
      parseAddress(text)?.family === 6 || /^[0-9A-Fa-f:]*::[0-9A-Fa-f:]*$/.test(text);
    throw new UnitError(
      "not an address to listen on",
      isBareV6
        ? 'an IPv6 address stands in brackets, for example "[::]:8443"'
        : 'address and port, for example "0.0.0.0:8443" or "[::]:8443"',
    );
  }
  const [, six, other, portText] = match;
  const port = Number(portText);
  if (port > 65_535) throw new UnitError("a port above 65535");
  if (six !== undefined) {
    if (!six.includes(":") || parseAddress(six) === undefined)
      throw new UnitError(`"${six}" is not an IPv6 address`);
    return { host: six.toLowerCase(), port, isLoopback: isLoopbackHost(six) };
  }
  const host = other ?? "";
  if (host === "")
    throw new UnitError(
      "the address is missing",
      `all addresses are "0.0.0.0:${port}" or "[::]:${port}"`,
    );
  if (host !== "localhost" && parseAddress(host) === undefined)
    throw new UnitError(
      `"${host}" is not an IP address`,
      "a listener is bound to an address, not to a name",
    );
  return { host, port, isLoopback: isLoopbackHost(host) };
}

function isLoopbackHost(host: string): boolean {
  if (host === "localhost") return true;
  const address = parseAddress(host);
  return address !== undefined && (address.text === "::1" || address.text.startsWith("127."));
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** RFC 1123 section 2.1 host name, in lower case; 253 characters at most. Throws `UnitError`. */
export function parseHostname(text: string): string {
  const lower = text.toLowerCase();
  const labels = lower.split(".");
  if (lower.length > 253 || !labels.every((label) => LABEL.test(label)))
    throw new UnitError(
      "not a host name",
      "labels of letters, digits and hyphens, joined by dots, without a port",
    );
  // RFC 1123 section 2.1: a name whose last label is a number would be read as an IPv4 address by some resolvers.
  if (/^\d+$/.test(labels.at(-1) ?? ""))
    throw new UnitError("not a host name: the last label is a number");
  return lower;
}
