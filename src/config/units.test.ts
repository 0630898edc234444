import { describe, expect, test } from "vitest";
import type { z } from "zod";
import {
  bindAddress,
  bytes,
  bytesBetween,
  cidr,
  duration,
  durationBetween,
  hostname,
  name,
  percentage,
  rate,
  slug,
} from "./units.ts";
import { printUnit } from "./unit.ts";

describe("what each unit takes", () => {
  test.each<[string, z.ZodType, unknown, unknown]>([
    ["seconds", duration, "30s", 30_000],
    ["milliseconds", duration, "250ms", 250],
    ["a decimal", duration, "1.5s", 1500],
    ["minutes", duration, "5m", 300_000],
    ["days", duration, "90d", 7_776_000_000],
    ["nothing", duration, "0s", 0],
    ["kibibytes", bytes, "512KiB", 524_288],
    ["decimal megabytes", bytes, "10MB", 10_000_000],
    ["bytes", bytes, "100B", 100],
    ["half a mebibyte", bytes, "0.5MiB", 524_288],
    ["per second", rate, "200/s", { count: 200, perMs: 1000 }],
    ["per five minutes", rate, "2000/5m", { count: 2000, perMs: 300_000 }],
    ["per cent", percentage, "8%", 0.08],
    ["a fraction of a per cent", percentage, "0.5%", 0.005],
    ["all", percentage, "100%", 1],
    [
      "all addresses",
      bindAddress,
      "0.0.0.0:8443",
      { host: "0.0.0.0", port: 8443, isLoopback: false },
    ],
    ["all IPv6 addresses", bindAddress, "[::]:8443", { host: "::", port: 8443, isLoopback: false }],
    ["IPv6 loopback", bindAddress, "[::1]:0", { host: "::1", port: 0, isLoopback: true }],
    [
      "any of 127/8 is loopback",
      bindAddress,
      "127.0.0.2:1",
      { host: "127.0.0.2", port: 1, isLoopback: true },
    ],
    [
      "mapped loopback",
      bindAddress,
      "[::ffff:127.0.0.1]:1",
      { host: "::ffff:127.0.0.1", port: 1, isLoopback: true },
    ],
    ["localhost", bindAddress, "localhost:80", { host: "localhost", port: 80, isLoopback: true }],
    ["host names in lower case", hostname, "API.Example.com", "api.example.com"],
    ["slugs", slug, "core-banking", "core-banking"],
    ["names", name, "churn_v2.1", "churn_v2.1"],
  ])("%s", (_, unit, text, value) => expect(unit.parse(text)).toEqual(value));

  test("networks", () => expect(cidr.parse("10.0.0.0/8").text).toBe("10.0.0.0/8"));
});

describe("what each unit refuses", () => {
  test.each<[string, z.ZodType, unknown, RegExp]>([
    ["a duration without a unit", duration, "30", /"30" has no unit/],
    ["a duration as a number", duration, 30, /expected a duration/],
    ["a space", duration, "30 s", /not a duration/],
    ["a negative duration", duration, "-1s", /not a duration/],
    ["an unknown unit", duration, "3w", /not a duration/],
    ["finer than a millisecond", duration, "0.5ms", /finer than a millisecond/],
    ["longer than a century", duration, "40000d", /above 100 years/],
    ["exponents", duration, "1e3s", /not a duration/],
    ["a size without a unit", bytes, "512", /"512" has no unit/],
    ["a unit that does not exist", bytes, "5Kib", /not a size/],
    ["part of a byte", bytes, "0.3B", /whole number/],
    ["more than numbers can hold", bytes, "900000000000TiB", /whole number/],
    ["prototype names as units", bytes, "5toS", /not a size/],
    ["a rate without a period", rate, "200", /not a rate/],
    ["no requests at all", rate, "0/s", /zero/],
    ["an empty window", rate, "5/0s", /zero/],
    ["more than everything", percentage, "101%", /above 100%/],
    ["a share without its sign", percentage, "8", /not a percentage/],
    ["IPv6 without brackets", bindAddress, ":::8443", /not an address/],
    ["a port alone", bindAddress, ":8443", /address is missing/],
    ["an address alone", bindAddress, "127.0.0.1", /not an address/],
    ["a name", bindAddress, "example.com:443", /not an IP address/],
    ["a high port", bindAddress, "127.0.0.1:70000", /above 65535/],
    ["IPv4 in brackets", bindAddress, "[127.0.0.1]:80", /not an IPv6 address/],
    ["an underscore in a host name", hostname, "a_b.example", /not a host name/],
    ["a host name with a port", hostname, "a.example:80", /not a host name/],
    ["a host name that ends in a number", hostname, "10.0.0.1", /number/],
    ["an empty label", hostname, "a..b", /not a host name/],
    ["capitals in a slug", slug, "Core", /not a slug/],
    ["a hyphen at the end of a slug", slug, "core-", /not a slug/],
    ["a path in a name", name, "../etc", /not a name/],
    ["a network with host bits", cidr, "10.0.0.1/8", /bits are set/],
  ])("%s", (_, unit, text, message) => {
    const result = unit.safeParse(text);
    expect(result.success).toBe(false);
    expect(result.error?.issues.map((issue) => issue.message).join("\n")).toMatch(message);
  });
});

test("bounds are inclusive and name both ends", () => {
  const bounded = durationBetween("1s", "1m");
  expect([bounded.safeParse("1s").success, bounded.safeParse("1m").success]).toEqual([true, true]);
  expect(bounded.safeParse("61s").error?.issues[0]?.message).toBe("must be between 1s and 1m");
  expect(bytesBetween("1KiB", "2KiB").safeParse("1B").success).toBe(false);
});

test.each([
  ["a duration", 30_000, "30s"],
  ["a duration", 90_000, "90s"],
  ["a duration", 1, "1ms"],
  ["a duration", 0, "0s"],
  ["a size", 1_048_576, "1MiB"],
  ["a size", 0, "0B"],
  ["a size", 1000, "1000B"],
  ["a rate", { count: 200, perMs: 1000 }, "200/s"],
  ["a rate", { count: 2000, perMs: 300_000 }, "2000/5m"],
  ["a rate", { count: 1, perMs: 10_000 }, "1/10s"],
  ["a percentage", 0.07, "7%"],
  ["an address to listen on", { host: "::", port: 1 }, "[::]:1"],
])("%s %j is printed as %s", (unit, value, text) => expect(printUnit(unit, value)).toBe(text));
