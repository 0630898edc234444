import { describe, expect, test } from "vitest";
import { toOperatorWords } from "./operator-words.ts";
import { redirectionOf } from "./redirection.ts";
import { isServersFault, RedisReplyError, refusesAll } from "./reply-error.ts";

const ALL = "shuts the link";
const ONE = "fails the call alone";
const OWN = "is the caller's own mistake";

describe("an error answer", () => {
  test.each([
    [
      "OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:1.",
      ALL,
    ],
    ["LOADING Redis is loading the dataset in memory", ALL],
    ["READONLY You can't write against a read only replica.", ALL],
    ["MISCONF Errors writing to the AOF file: No space left on device", ALL],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", ALL],
    ["NOREPLICAS Not enough good replicas to write.", ALL],
    ["CLUSTERDOWN The cluster is down", ALL],
    ["CLUSTERDOWN Hash slot not served", ALL],
    ["BUSY Redis is busy running a script.", ALL],
    ["NOAUTH Authentication required.", ALL],
    ["WRONGPASS invalid username-password pair or user is disabled.", ALL],
    ["ERR max number of clients reached", ALL],
    ["TRYAGAIN Multiple keys request during rehashing of slot", ONE],
    ["NOPERM User gateway has no permissions to run the 'get' command", ONE],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", OWN],
    ["ERR user_script:1: Script attempted to access nonexistent global variable 'x'", OWN],
    ["ERR wrong number of arguments for 'get' command", OWN],
    ["NOSCRIPT No matching script. Please use EVAL.", OWN],
    ["OOMPH is not a code", OWN],
    ["a script's own words", OWN],
  ])("%s: %s", (message, meaning) => {
    const error = new RedisReplyError(message);
    expect(refusesAll(error)).toBe(meaning === ALL);
    expect(isServersFault(error)).toBe(meaning !== OWN);
  });

  test("is not what another error looks like", () => {
    expect(isServersFault(new Error("OOM"))).toBe(false);
    expect(new RedisReplyError("a script's own words").code).toBe("ERR");
  });
});

describe("a redirection", () => {
  const from = { host: "10.0.0.5", port: 1 };
  test.each([
    ["MOVED 3999 10.0.0.6:6381", { to: { host: "10.0.0.6", port: 6_381 }, isOnce: false }],
    ["ASK 3999 a.example:6381", { to: { host: "a.example", port: 6_381 }, isOnce: true }],
    ["MOVED 3999 2001:db8::1:6381", { to: { host: "2001:db8::1", port: 6_381 }, isOnce: false }],
    ["MOVED 3999 :6381", { to: { host: "10.0.0.5", port: 6_381 }, isOnce: false }],
    ["MOVED somewhere", undefined],
    ["ERR MOVED 3999 10.0.0.6:6381", undefined],
  ])("is read: %s", (message, expected) => {
    expect(redirectionOf(new RedisReplyError(message), from)).toEqual(expected);
  });
});

describe("the operator's sentence", () => {
  test.each([
    [new Error("connect ECONNREFUSED 127.0.0.1:1"), /nothing listens there/],
    [Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }), /name is not found/],
    [Object.assign(new Error("x"), { code: "CERT_HAS_EXPIRED" }), /store\.tls\.ca/],
    [new Error("something else"), /^Redis at \[::1\]:6379: something else$/],
  ])("says what to do about %s", (error, words) => {
    expect(toOperatorWords(error, { host: "::1", port: 6_379 })).toMatch(words);
  });
});
