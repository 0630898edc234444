import { describe, expect, test } from "vitest";
import { proxies } from "../../test/support/recording-server.ts";
import { originBehindProxy } from "./forwarded.ts";

const trusted = proxies(["10.0.0.0/8", "2001:db8::/32"]);
const peer = { address: "10.0.0.1", isSecure: false };
const from = (...fields: string[]) => originBehindProxy(peer, fields, trusted);

describe("the caller's address behind trusted proxies", () => {
  test.each<[string, string[], string]>([
    ["one hop", ["x-forwarded-for", "192.0.2.1"], "192.0.2.1"],
    [
      "a forged hop on the left is not reached",
      ["x-forwarded-for", "203.0.113.9, 192.0.2.1"],
      "192.0.2.1",
    ],
    [
      "trusted hops are passed",
      ["x-forwarded-for", "203.0.113.9, 192.0.2.1, 10.0.0.2"],
      "192.0.2.1",
    ],
    ["only trusted hops: the outermost", ["x-forwarded-for", "10.0.0.3,10.0.0.2"], "10.0.0.3"],
    [
      "several fields are one list",
      ["x-forwarded-for", "192.0.2.1", "x-forwarded-for", "10.0.0.2"],
      "192.0.2.1",
    ],
    ["with a port", ["x-forwarded-for", "192.0.2.1:5678"], "192.0.2.1"],
    ["IPv6 as such", ["x-forwarded-for", "2001:DB9::0001"], "2001:db9::1"],
    ["IPv6 in brackets with a port", ["x-forwarded-for", "[2001:db9::1]:443"], "2001:db9::1"],
    ["IPv4 dressed as IPv6 is IPv4", ["x-forwarded-for", "::ffff:192.0.2.1"], "192.0.2.1"],
    [
      "Forwarded",
      ["forwarded", 'for=192.0.2.1;proto=https;by=10.0.0.1, for="[2001:db8::7]:80"'],
      "192.0.2.1",
    ],
    [
      "Forwarded in any case and space",
      ["forwarded", 'For="192.0.2.1:80" ; Proto=HTTP'],
      "192.0.2.1",
    ],
    [
      "a hop that hides its caller is all that is known",
      ["forwarded", "for=unknown, for=10.0.0.2"],
      "10.0.0.2",
    ],
    ["an obfuscated hop too", ["forwarded", "for=_hidden"], "10.0.0.1"],
    ["both agree", ["forwarded", "for=192.0.2.1", "x-forwarded-for", "192.0.2.1"], "192.0.2.1"],
    ["nothing said", ["x-real-ip", "192.0.2.1"], "10.0.0.1"],
  ])("%s", (_, fields, address) => {
    expect(from(...fields)).toMatchObject({ address });
  });

  test.each<[string, string[], boolean]>([
    ["https", ["x-forwarded-for", "192.0.2.1", "x-forwarded-proto", "https"], true],
    ["http", ["x-forwarded-for", "192.0.2.1", "x-forwarded-proto", "http"], false],
    ["one insecure hop", ["x-forwarded-proto", "https, http"], false],
    ["Forwarded says https", ["forwarded", "for=192.0.2.1;proto=https"], true],
    ["said by nobody", ["x-forwarded-for", "192.0.2.1"], false],
  ])("secure: %s", (_, fields, isSecure) => {
    expect(from(...fields)).toMatchObject({ isSecure });
  });

  test.each<[string, string[]]>([
    ["a hop that is no address", ["x-forwarded-for", "localhost"]],
    ["an empty hop", ["x-forwarded-for", "192.0.2.1,"]],
    ["an octal address", ["x-forwarded-for", "010.0.0.1"]],
    ["a zone", ["x-forwarded-for", "fe80::1%eth0"]],
    ["text behind the brackets", ["x-forwarded-for", "[2001:db9::1]x"]],
    ["a broken Forwarded", ["forwarded", 'for="192.0.2.1']],
    ["a parameter twice", ["forwarded", "for=192.0.2.1;for=192.0.2.2"]],
    ["a Forwarded element without for", ["forwarded", "proto=https"]],
    ["both disagree", ["forwarded", "for=203.0.113.9", "x-forwarded-for", "192.0.2.1"]],
    [
      "a chain without end",
      ["x-forwarded-for", Array.from({ length: 40 }, () => "10.0.0.2").join()],
    ],
  ])("refused: %s", (_, fields) => {
    expect(typeof from(...fields)).toBe("string");
  });
});
