/**
 * How people write quantities, names and addresses in the configuration, as zod types that turn the text into what the
 * program uses. A plain number is never taken for a quantity: a number without its unit is how outages are configured.
 */
import { z } from "zod";
import { parseCidr, type Cidr } from "./cidr.ts";
import { parseBindAddress, parseHostname, type BindAddress } from "./endpoint-text.ts";
import {
  parseBytes,
  parseDuration,
  parsePercentage,
  parseRate,
  printBytes,
  printDuration,
  printPercentage,
  printRate,
  type Rate,
} from "./quantities.ts";
import { defineUnit, UnitError, type Unit } from "./unit.ts";

export type { Cidr } from "./cidr.ts";
export type { BindAddress } from "./endpoint-text.ts";
export type { Rate } from "./quantities.ts";
export type { Unit } from "./unit.ts";

/** Text such as "30s" to milliseconds. Timers of Node overflow above 24 days: bound with `durationBetween`. */
export const duration: Unit<number> = defineUnit({
  what: "a duration",
  parse: parseDuration,
  pattern: String.raw`^\d+(\.\d+)?(ms|s|m|h|d)$`,
  examples: ["30s", "250ms", "5m"],
  print: printDuration,
});

/** Text such as "512KiB" to a number of bytes. */
export const bytes: Unit<number> = defineUnit({
  what: "a size",
  parse: parseBytes,
  pattern: String.raw`^\d+(\.\d+)?(B|[KMGT]iB|[kKMGT]B)$`,
  examples: ["512KiB", "1MiB"],
  print: printBytes,
});

/** Text such as "200/s" to `{count, perMs}`. */
export const rate: Unit<Rate> = defineUnit({
  what: "a rate",
  parse: parseRate,
  pattern: String.raw`^\d+/\d*(ms|s|m|h|d)$`,
  examples: ["200/s", "2000/5m"],
  print: printRate,
});

/** Text such as "8%" to a share between 0 and 1. */
export const percentage: Unit<number> = defineUnit({
  what: "a percentage",
  parse: parsePercentage,
  pattern: String.raw`^\d+(\.\d+)?%$`,
  examples: ["8%", "0.5%"],
  print: printPercentage,
});

/** Text such as "10.0.0.0/8", "2001:db8::/32" or a single address, to a parsed network for a `CidrSet`. */
export const cidr: Unit<Cidr> = defineUnit({
  what: "a network",
  parse: (text) => {
    const parsed = parseCidr(text);
    if ("refused" in parsed) throw new UnitError(parsed.refused, parsed.hint);
    return parsed;
  },
  pattern: String.raw`^[0-9A-Fa-f:.]+(/\d{1,3})?$`,
  examples: ["10.0.0.0/8", "2001:db8::/32"],
  print: (network) => network.text,
});

/** Text such as "0.0.0.0:8443" or "[::]:8443" to host and port. Port 0 lets the system choose. */
export const bindAddress: Unit<BindAddress> = defineUnit({
  what: "an address to listen on",
  parse: parseBindAddress,
  pattern: String.raw`^.+:\d{1,5}$`,
  examples: ["0.0.0.0:8443", "[::]:8443"],
  print: ({ host, port }) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`),
});

/** A DNS host name without a port, folded to lower case. */
export const hostname: Unit<string> = defineUnit({
  what: "a host name",
  parse: parseHostname,
  pattern: String.raw`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`,
  examples: ["api.example.com"],
});

const SLUG = String.raw`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`;

/** A name that may stand in a URL path and a metric label: lower case letters, digits, hyphens; 63 at most. */
export const slug: z.ZodString = z
  .string({ error: 'expected a slug, written as text such as "core-banking"' })
  .regex(new RegExp(SLUG), {
    error:
      "not a slug: lower case letters, digits and hyphens, 63 at most, no hyphen at either end",
  })
  .meta({ examples: ["core-banking"] });

const NAME = "^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$";

/** A name an operator gives to something: letters, digits, dot, hyphen, underscore; 128 at most. */
export const name: z.ZodString = z
  .string({ error: 'expected a name, written as text such as "churn-v2"' })
  .regex(new RegExp(NAME), {
    error:
      "not a name: letters, digits, dots, hyphens and underscores, 128 at most, a letter or digit at both ends",
  })
  .meta({ examples: ["churn-v2"] });

/** A duration between two bounds, both allowed. */
export function durationBetween(min: string, max: string): Unit<number> {
  return bounded(duration, { min, max, parse: parseDuration });
}

/** A size between two bounds, both allowed. */
export function bytesBetween(min: string, max: string): Unit<number> {
  return bounded(bytes, { min, max, parse: parseBytes });
}

interface Bounds {
  readonly min: string;
  readonly max: string;
  readonly parse: (text: string) => number;
}

function bounded(unit: Unit<number>, { min, max, parse }: Bounds): Unit<number> {
  const least = parse(min);
  const most = parse(max);
  return unit.refine((value) => value >= least && value <= most, {
    error: `must be between ${min} and ${max}`,
  });
}
