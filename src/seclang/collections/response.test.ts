import { expect, test } from "vitest";
import { toBytes } from "../byte-string.ts";
import { listEntries } from "./list-entries.test-support.ts";
import { readResponseBody, readResponseHead } from "./response.ts";

test("a response head has its header fields and its status", () => {
  const { entries, variables } = readResponseHead({
    status: 404,
    protocol: "HTTP/1.1",
    headers: [
      ["Content-Type", "text/html; charset=utf-8"],
      ["Set-Cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["content-length", "12"],
    ],
  });
  expect(listEntries(entries.filter(({ name }) => /^set-cookie$/i.test(name)))).toEqual([
    "responseHeaders Set-Cookie=a=1",
    "responseHeadersNames Set-Cookie=Set-Cookie",
    "responseHeaders set-cookie=b=2",
    "responseHeadersNames set-cookie=set-cookie",
  ]);
  expect(Object.fromEntries(variables)).toEqual({
    RESPONSE_STATUS: "404",
    RESPONSE_PROTOCOL: "HTTP/1.1",
    RESPONSE_CONTENT_TYPE: "text/html; charset=utf-8",
    RESPONSE_CONTENT_LENGTH: "12",
  });
});

test("a response body is one value, and its length is counted", () => {
  const { entries, variables, members } = readResponseBody({ body: toBytes("a\xffb") });
  expect(listEntries(entries)).toEqual(["responseBody=a\xffb"]);
  expect(entries[0]).toMatchObject({ start: 0, end: 3 });
  expect(variables.get("RESPONSE_CONTENT_LENGTH")).toBe("3");
  expect(members.size).toBe(0);
});

test("a JSON answer has RESPONSE_ARGS", () => {
  const body = toBytes('{"a":["x"]}');
  const { members } = readResponseBody({ body, contentType: "application/json" });
  expect(members.get("RESPONSE_ARGS")).toMatchObject([{ name: "json.a.0", value: "x" }]);
});
