import { assert, property, string, stringMatching } from "fast-check";
import { describe, expect, test } from "vitest";
import { wireBytes } from "./ftw-request.ts";
import type { FtwInput } from "./ftw-test.ts";
import { readWire } from "./read-wire.ts";

const INPUT: FtwInput = {
  method: "GET",
  uri: "/",
  version: "HTTP/1.1",
  headers: [["Host", "localhost"]],
  data: undefined,
  wholeRequest: undefined,
  isCompleted: true,
  sendsZeroLength: true,
};

const bodyOf = (input: Partial<FtwInput>): string => {
  const wire = wireBytes({ ...INPUT, method: "POST", ...input });
  return wire.slice(wire.indexOf("\r\n\r\n") + 4);
};

test("a plain request gets nothing but Connection", () => {
  expect(wireBytes(INPUT)).toBe("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
});

test("a body gets its type and its length", () => {
  expect(wireBytes({ ...INPUT, method: "POST", data: "a=b c" })).toBe(
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
      "Connection: close\r\nContent-Length: 5\r\n\r\na=b+c",
  );
});

test("a method that takes a body says that there is none", () => {
  expect(wireBytes({ ...INPUT, method: "PUT" })).toContain("Content-Length: 0\r\n");
  const older = { ...INPUT, method: "PUT", sendsZeroLength: false };
  expect(wireBytes(older)).not.toContain("Content-Length");
  expect(wireBytes({ ...older, data: "a" })).toContain("Content-Length: 1\r\n");
});

test("headers that are there stay as they are, whatever their case", () => {
  const headers = [
    ["host", "a"],
    ["CONNECTION", "keep-alive"],
    ["content-length", "x"],
    ["content-type", "text/plain"],
  ] as const;
  expect(wireBytes({ ...INPUT, data: "a b", headers })).toBe(
    "GET / HTTP/1.1\r\nhost: a\r\nCONNECTION: keep-alive\r\ncontent-length: x\r\n" +
      "content-type: text/plain\r\n\r\na b",
  );
});

test("nothing is completed when the test says so", () => {
  expect(wireBytes({ ...INPUT, data: "a b=ü", isCompleted: false })).toBe(
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\na b=ü",
  );
});

describe("forms", () => {
  test.each([
    ["keys and values are encoded", "a b=c'd&e=\xc3\xa9", "a+b=c%27d&e=%C3%A9"],
    ["the first equals sign parts them", "a=b=c", "a=b%3Dc"],
    ["a part without one is encoded, too", "<a>&b", "%3Ca%3E&b"],
    ["data with an escape is left", "a=%20 b", "a=%20 b"],
    ["data with a plus is left", "a=1+1 b", "a=1+1 b"],
    ["an ampersand at the end is dropped", "a=b&", "a=b"],
  ])("%s", (_name, data, encoded) => {
    expect(bodyOf({ data })).toBe(encoded);
  });

  test("decode to what the test wrote", () => {
    assert(
      property(string({ minLength: 1 }), (text) => {
        const data = text.replace(/[+%&]/g, "");
        const bytes = Buffer.from(`a=${data}`, "utf8").toString("latin1");
        expect(new URLSearchParams(bodyOf({ data: bytes })).get("a")).toBe(
          Buffer.from(bytes, "latin1").toString("utf8").slice(2),
        );
      }),
    );
  });
});

describe("multipart bodies", () => {
  const headers = [["Content-Type", "Multipart/Form-Data; boundary=x"]] as const;

  test("end their lines with CRLF", () => {
    expect(bodyOf({ headers, data: "--x\na\n\nb\n--x--" })).toBe("--x\r\na\r\n\r\nb\r\n--x--");
  });

  test("keep a CRLF that is written out", () => {
    expect(bodyOf({ headers, data: "--x\r\na\n" })).toBe("--x\r\na\r\n");
  });
});

test("a whole request goes out untouched", () => {
  expect(wireBytes({ ...INPUT, wholeRequest: "GET\n\n\x00" })).toBe("GET\n\n\x00");
});

test("what is sent is what is taken off the wire", () => {
  const target = stringMatching(/^\/[!-~]{0,20}$/).filter((text) => !text.includes("#"));
  const value = stringMatching(/^([!-~]([ -~]{0,20}[!-~])?)?$/);
  assert(
    property(target, value, string({ unit: "binary-ascii" }), (uri, header, data) => {
      const headers = [...INPUT.headers, ["X-A", header], ["Content-Type", "a/b"]] as const;
      const { head, body, refusedByServer } = readWire(wireBytes({ ...INPUT, uri, headers, data }));
      expect(refusedByServer).toBeUndefined();
      expect(head.target).toBe(uri);
      expect(head.headers.slice(0, 3)).toEqual(headers);
      expect(body).toBe(data);
    }),
  );
});
