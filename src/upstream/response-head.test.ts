/** The second check behind the HTTP parser's own: what it would let through one day is still refused here. */
import { expect, test } from "vitest";
import { readResponseHead, RESPONSE_FIELDS_LIMIT } from "./response-head.ts";

const raw = (...texts: string[]) => texts.map((text) => Buffer.from(text, "latin1"));

test.each([
  ["a line break in a value", raw("x-a", "a\r\nset-cookie: b=c")],
  ["a bare CR in a value", raw("x-a", "a\rb")],
  ["NUL in a value", raw("x-a", "a\0b")],
  ["DEL in a value", raw("x-a", "a\x7fb")],
  ["a space in a name", raw("x a", "b")],
  ["a line break in a name", raw("x-a: b\r\nx-c", "d")],
  ["an empty name", raw("", "b")],
  ["a colon in a name", raw("x:a", "b")],
  ["two lengths, though equal", raw("content-length", "2", "Content-Length", "2")],
  ["a length with a sign", raw("content-length", "+2")],
  ["a length that is a list", raw("content-length", "2, 2")],
  ["an empty length", raw("content-length", "")],
  ["a length beyond exact numbers", raw("content-length", "99999999999999999999")],
  ["too many fields", raw(...Array.from({ length: 2 * RESPONSE_FIELDS_LIMIT + 2 }, () => "x"))],
])("%s is refused", (_, fields) => {
  expect(readResponseHead(fields)).toBeTypeOf("string");
});

test.each([
  ["text/event-stream", true],
  ["Text/Event-Stream; charset=utf-8", true],
  ["text/event-stream;x", true],
  ["text/event-streams", false],
  ["application/json", false],
])("%s is an event stream: %s", (type, isEventStream) => {
  expect(readResponseHead(raw("Content-Type", type))).toEqual({
    headers: ["content-type", type],
    contentLength: -1,
    isEventStream,
  });
});
