import { describe, expect, test } from "vitest";
import { readWire } from "./read-wire.ts";

const HOST = "Host: a\r\n";

test("a request is split into its parts, bytes as they came", () => {
  const { head, body, refusedByServer } = readWire(
    "POST /a?b=\xe2\x91\xa0 HTTP/1.1\r\nHost: a\r\nX_y:  1 \r\nX_y: 2\r\nContent-Length: 3\r\n\r\na\r\n--",
  );
  expect(refusedByServer).toBeUndefined();
  expect(head).toMatchObject({
    method: "POST",
    target: "/a?b=\xe2\x91\xa0",
    protocol: "HTTP/1.1",
    remoteAddress: "127.0.0.1",
    headers: [
      ["Host", "a"],
      ["X_y", "1"],
      ["X_y", "2"],
      ["Content-Length", "3"],
    ],
  });
  expect(body).toBe("a\r\n");
});

describe("a strict server refuses by itself", () => {
  test.each([
    [
      "white space before the method",
      ` GET / HTTP/1.1\r\n${HOST}\r\n`,
      "a method that is no token",
    ],
    [
      "a target with a space",
      `GET /a b HTTP/1.1\r\n${HOST}\r\n`,
      "white space in the request target",
    ],
    ["a backslash path", `GET \\ HTTP/1.1\r\n${HOST}\r\n`, "a target that is no path"],
    ["a wrong version", `GET / HTTP\\1.0\r\n${HOST}\r\n`, "an unknown protocol version"],
    ["HTTP/0.9 with headers", `GET / HTTP/0.9\r\n${HOST}\r\n`, "an unknown protocol version"],
    ["CONNECT to no port", `CONNECT a.b HTTP/1.1\r\n${HOST}\r\n`, "CONNECT without host and port"],
    ["no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "no Host"],
    ["two Hosts", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, "more than one Host"],
    ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "a Host that is none"],
    ["an escape in Host", "GET / HTTP/1.1\r\nHost: a%00\r\n\r\n", "a Host that is none"],
    ["a NUL", `GET / HTTP/1.1\r\n${HOST}A: b\x00\r\n\r\n`, "a control character in a header"],
    ["a bare CR", `GET / HTTP/1.1\r\n${HOST}A: b\rC: d\r\n\r\n`, "a control character in a header"],
    ["a bare LF", "GET / HTTP/1.1\nHost: a\n\n", "a bare line feed"],
    [
      "a space before the colon",
      `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`,
      "a header name that is no token",
    ],
    [
      "a line without a colon",
      `GET / HTTP/1.1\r\n${HOST}A\r\n\r\n`,
      "a header line without a colon",
    ],
    [
      "a length in words",
      `GET / HTTP/1.1\r\n${HOST}Content-Length: 3;\r\n\r\nabc`,
      "a Content-Length that is no number",
    ],
    [
      "a broken chunk",
      `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nx\r\n`,
      "a chunked body that is not complete",
    ],
  ])("%s", (_name, wire, reason) => {
    expect(readWire(wire).refusedByServer).toEqual({ status: 400, reason, isAfterRules: false });
  });
});

describe("a strict server accepts", () => {
  test.each([
    ["HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"],
    ["HTTP/1.0 with an empty Host", "GET / HTTP/1.0\r\nHost:\r\n\r\n"],
    ["an odd method", `|GET / HTTP/1.1\r\n${HOST}\r\n`],
    ["a bare query", `GET ?a=b HTTP/1.1\r\n${HOST}\r\n`],
    ["the absolute form", `GET http://a/b HTTP/1.1\r\n${HOST}\r\n`],
    ["an asterisk", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
    ["CONNECT to host and port", `CONNECT 1.2.3.4:80 HTTP/1.1\r\n${HOST}\r\n`],
    ["an IPv6 address", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"],
    ["an empty header", `GET / HTTP/1.1\r\n${HOST}A:\r\n\r\n`],
  ])("%s", (_name, wire) => {
    expect(readWire(wire).refusedByServer).toBeUndefined();
  });
});

test("a fragment is refused only when the rules have seen it", () => {
  const { refusedByServer } = readWire(`GET /a#b HTTP/1.1\r\n${HOST}\r\n`);
  expect(refusedByServer).toMatchObject({ status: 400, isAfterRules: true });
});

test("a body that is shorter than its length is never answered", () => {
  const { refusedByServer } = readWire(`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nabc`);
  expect(refusedByServer).toMatchObject({ status: 0, isAfterRules: false });
});

test("without a length there is no body", () => {
  expect(readWire(`POST / HTTP/1.1\r\n${HOST}\r\nabc`).body).toBe("");
});

test("chunks are joined, and the length that goes with them is dropped", () => {
  const { head, body } = readWire(
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n4;x\r\n=bar\r\n0\r\n\r\n`,
  );
  expect(body).toBe("foo=bar");
  expect(head.headers.map(([name]) => name)).toEqual(["Host", "Transfer-Encoding"]);
});

test("a folded line is one with the header before it", () => {
  const { head } = readWire(`GET / HTTP/1.1\r\n${HOST}A: b\r\n  c\r\n\r\n`);
  expect(head.headers).toContainEqual(["A", "b c"]);
});
