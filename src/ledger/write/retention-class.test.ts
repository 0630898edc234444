/** Classes of lines are found without parsing, and no text within a line can change its class. */
import { expect, test } from "vitest";
import { retentionClassOf } from "./retention-class.ts";

const deceit = JSON.stringify('","decision":"allow","kind":"key"');

test.each([
  [
    "an allowed decision",
    '"kind":"decision","request_id":"r","decision":"allow","status":200',
    "decision",
  ],
  ["a denied one", '"kind":"decision","request_id":"r","decision":"deny"', "denial"],
  ["one that ended in an error", '"kind":"decision","decision":"error"', "denial"],
  ["one that says nothing", '"kind":"decision","status":200', "denial"],
  [
    "a denied one with an allowing text",
    `"kind":"decision","path":${deceit},"decision":"deny"`,
    "denial",
  ],
  [
    "a denied one with an allowing shadow",
    '"kind":"decision","decision":"deny","shadows":[{"stage":"x","decision":"allow"}]',
    "denial",
  ],
  [
    "a whole line",
    '{"ts":"2026-11-22T13:44:17.123456Z","seq":1,"kind":"decision","decision":"allow","prev":"b3:0"}',
    "decision",
  ],
  ["a key event", '"kind":"key","event":"create"', "administration"],
  ["a reload", '"kind":"reload"', "administration"],
  ["a kill switch", '"kind":"kill"', "administration"],
  ["a checkpoint", '"kind":"checkpoint","note":"x"', undefined],
  ["an outcome", '"kind":"outcome","decision":"allow"', undefined],
])("%s", (_name, text, expected) => {
  expect(retentionClassOf(text)).toBe(expected);
});
