import { expect, test } from "vitest";
import { contextOf } from "../../../test/support/context.ts";
import { toRequestHead, toResponseHead } from "./message-heads.ts";

test("a request's head is what the upstream gets, with the caller's own address", () => {
  const { request } = contextOf({
    path: "/a",
    query: "b=%2f",
    callerAddress: "198.51.100.7",
    headers: { host: "gateway.example", "x-a": ["1", "2"] },
  });
  expect(toRequestHead(request)).toEqual({
    method: "POST",
    target: "/a?b=%2f",
    protocol: "HTTP/1.1",
    headers: [
      ["host", "gateway.example"],
      ["x-a", "1"],
      ["x-a", "2"],
    ],
    id: "req-1",
    remoteAddress: "198.51.100.7",
    remotePort: 50_000,
  });
});

test("over HTTP/2 the authority is the host", () => {
  const { request } = contextOf({ httpVersion: "2", authority: "h2.example" });
  expect(toRequestHead(request)).toMatchObject({
    protocol: "HTTP/2.0",
    headers: [["host", "h2.example"]],
  });
});

test("a body in chunks is announced as such, where the protocol has chunks", () => {
  const announced = (httpVersion: "1.1" | "2"): unknown[] =>
    toRequestHead({ ...contextOf({ httpVersion }).request, contentLength: undefined }).headers.map(
      ([name]) => name,
    );
  expect(announced("1.1")).toContain("transfer-encoding");
  expect(announced("2")).not.toContain("transfer-encoding");
});

test("an answer's head leaves out what no longer describes its body", () => {
  const response = {
    status: 200,
    headers: ["content-type", "text/plain", "content-encoding", "br"],
  };
  expect(toResponseHead(response, "content-encoding").headers).toEqual([
    ["content-type", "text/plain"],
  ]);
  expect(toResponseHead(response).headers).toHaveLength(2);
});
