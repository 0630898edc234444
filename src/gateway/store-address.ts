/** How operators write where a Redis is: `redis://host:port`, and `host:port` for the servers of a group. */
import { z } from "zod";
import { parseAddress } from "../config/cidr.ts";
import { parseHostname } from "../config/endpoint-text.ts";
import { defineUnit, UnitError, type Unit } from "../config/unit.ts";

export interface StoreAddress {
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface StoreUrl extends StoreAddress {
  readonly hasTls: boolean;
}

export const DEFAULT_REDIS_PORT = 6_379;

/** `redis://host:port` or `rediss://host:port`, which is TLS. What else a URL can hold is refused, not ignored. */
export const redisUrl: Unit<StoreUrl> = z
  .string({ error: 'expected a URL, written as text such as "rediss://redis.example.bank:6379"' })
  .transform((text, context) => {
    const parsed = parseUrl(text);
    if (!("refused" in parsed)) return parsed;
    const { refused: message, hint, isSensitive } = parsed;
    context.addIssue({
      code: "custom",
      message,
      params: { hint, isSensitive },
      input: isSensitive ? undefined : text,
    });
    return z.NEVER;
  })
  .meta({
    unit: "the URL of a Redis",
    pattern: "^rediss?://[^/?#@]+$",
    examples: ["rediss://redis.example.bank:6379"],
  });

interface Refused {
  readonly refused: string;
  readonly hint: string;
  /** A password may stand in the text, so that it must not be repeated. */
  readonly isSensitive: boolean;
}

function parseUrl(text: string): StoreUrl | Refused {
  const refuse = (refused: string, hint: string, isSensitive = false): Refused => ({
    refused,
    hint,
    isSensitive,
  });
  if (text.includes("@"))
    return refuse(
      "a URL with a user or password",
      'write them as `user` and `password`, for example password: "env:REDIS_PASSWORD"',
      true,
    );
  const match = /^redis(s?):\/\/([^/?#]+)(.*)$/.exec(text);
  if (!match)
    return refuse("not the URL of a Redis", 'for example "rediss://redis.example.bank:6379"');
  const [, secure, where = "", more = ""] = match;
  if (more !== "" && more !== "/")
    return refuse("a URL with more than host and port", `write "redis${secure}://${where}"`);
  try {
    return { ...parseHostAndPort(where, DEFAULT_REDIS_PORT), hasTls: secure === "s" };
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    return refuse(error.message, error.hint ?? 'for example "rediss://redis.example.bank:6379"');
  }
}

/** `host:port`; the port may be left out. */
export const serverAddress = (defaultPort: number): Unit<StoreAddress> =>
  defineUnit({
    what: "the address of a server",
    parse: (text) => parseHostAndPort(text, defaultPort),
    pattern: String.raw`^[^/?#@\s]+$`,
    examples: [`10.0.0.5:${defaultPort}`],
    print: ({ host, port }) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`),
  });

function parseHostAndPort(text: string, defaultPort: number): StoreAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match)
    throw new UnitError(
      "not the address of a server",
      'host and port, for example "10.0.0.5:6379"; an IPv6 address stands in brackets',
    );
  const [, six, other = "", portText] = match;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port < 1 || port > 65_535) throw new UnitError("a port is a number from 1 to 65535");
  if (six !== undefined) {
    if (!six.includes(":") || parseAddress(six) === undefined)
      throw new UnitError(`"${six}" is not an IPv6 address`);
    return { host: six.toLowerCase(), port };
  }
  return { host: parseAddress(other)?.text ?? parseHostname(other), port };
}

/** Only this machine is asked, so that nobody on the way can read along. */
export function isLoopback({ host }: StoreAddress): boolean {
  if (host === "localhost") return true;
  const text = parseAddress(host)?.text;
  return text !== undefined && (text === "::1" || text.startsWith("127."));
}
