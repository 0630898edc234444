import { describe, expect, test } from "vitest";
import { answerOf } from "./reflect.ts";

const HEAD = { method: "POST", target: "/reflect", protocol: "HTTP/1.1", headers: [] };

test("every other request is answered with 200 and nothing", () => {
  const empty = { head: { status: 200, headers: [["Content-Length", "0"]] }, body: "" };
  expect(answerOf({ ...HEAD, target: "/post" }, '{"status":500}')).toMatchObject(empty);
  expect(answerOf({ ...HEAD, method: "GET" }, '{"status":500}')).toMatchObject(empty);
});

test("the answer is what the body describes", () => {
  const { head, body } = answerOf(HEAD, '{"status":503,"headers":{"A":"\u00c3\u00a9"},"body":"x"}');
  expect(head.status).toBe(503);
  expect(head.headers).toEqual([
    ["A", "\xc3\xa9"],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", "1"],
  ]);
  expect(body).toBe("x");
});

test("a body may come in base64", () => {
  expect(answerOf(HEAD, '{"encodedBody":"H4s="}').body).toBe("\x1f\x8b");
});

describe("without a type of its own the body's first bytes tell", () => {
  test.each([
    ["<html><a>", "text/html; charset=utf-8"],
    ["  <!DOCTYPE HTML>", "text/html; charset=utf-8"],
    ["<?xml version='1.0'?>", "text/xml; charset=utf-8"],
    ["<?php echo 1", "text/plain; charset=utf-8"],
    ["a\u0001b", "application/octet-stream"],
  ])("%s", (body, type) => {
    const { head } = answerOf(HEAD, JSON.stringify({ body }));
    expect(head.headers).toContainEqual(["Content-Type", type]);
  });
});

test.each(["", "{", "[1", "null", '{"status":"x"}', '{"headers":{"a":1}}', '{"body":{}}'])(
  "a description that cannot be read is answered with 400: %s",
  (body) => {
    expect(answerOf(HEAD, body).head.status).toBe(400);
  },
);
