/** `@ipMatch`: networks of both kinds, and entries that are refused. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { ipMatch } from "./ip-match.ts";

test.each([
  ["127.0.0.1,::1", "127.0.0.1", true],
  ["127.0.0.1,::1", "::1", true],
  ["127.0.0.1,::1", "0:0:0:0:0:0:0:1", true],
  ["127.0.0.1,::1", "127.0.0.2", false],
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.1.2.3/8", "10.9.9.9", true],
  [" 10.0.0.0/8 , 192.168.0.0/16 ,", "192.168.3.4", true],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["::ffff:10.0.0.0/104", "10.200.0.1", true],
  ["::ffff:10.0.0.0/104", "11.0.0.1", false],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "203.0.113.9", false],
  ["2001:db8::/33", "2001:db8:7fff::1", true],
  ["2001:db8::/33", "2001:db8:8000::1", false],
  ["fe80::/10", "fe80::1%eth0", true],
  ["10.0.0.0/8", "", false],
  ["10.0.0.0/8", "10.0.0.1 ", false],
  ["10.0.0.0/8", "10.0.0.1, 192.168.0.1", false],
])("@ipMatch %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(ipMatch, argument).test(value)).toBe(isMatch);
});

test.each([
  "",
  " , ",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "10.0.0/8",
  "10.0.0.1-10.0.0.9",
  "10.0.0.1 10.0.0.2",
  "::/129",
  "fe80::1%eth0",
  "localhost",
  "%{tx.allowed}",
])("the argument %j is refused", (argument) => {
  expect(() => compileOperator(ipMatch, argument)).toThrow(
    expect.objectContaining({ code: "operator.argument_invalid" }),
  );
});
