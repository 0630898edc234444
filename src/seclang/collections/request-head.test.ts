import { describe, expect, test } from "vitest";
import { listEntries, listParts } from "./list-entries.test-support.ts";
import type { RequestHead } from "./message.ts";
import { readRequestHead } from "./request-head.ts";

const head = (changes: Partial<RequestHead> = {}): RequestHead => ({
  method: "GET",
  target: "/",
  protocol: "HTTP/1.1",
  headers: [],
  ...changes,
});

describe("the entries of a request head", () => {
  test("are those of the request line, then the headers, then the query", () => {
    const request = head({
      method: "POST",
      target: "/a/%62.php?q=%41+1&r",
      headers: [
        ["Host", "example.com"],
        ["X-Two", "1"],
        ["cookie", "s=1; t=2"],
        ["x-two", "2"],
      ],
    });
    expect(listEntries(readRequestHead(request).entries)).toEqual([
      "requestLine=POST /a/%62.php?q=%41+1&r HTTP/1.1",
      "requestMethod=POST",
      "requestProtocol=HTTP/1.1",
      "requestUriRaw=/a/%62.php?q=%41+1&r",
      "requestUri=/a/b.php?q=%41+1&r",
      "requestFilename=/a/b.php",
      "requestBasename=b.php",
      "queryString=q=%41+1&r",
      "requestHeaders Host=example.com",
      "requestHeadersNames Host=Host",
      "requestHeaders X-Two=1",
      "requestHeadersNames X-Two=X-Two",
      "requestHeaders cookie=s=1; t=2",
      "requestHeadersNames cookie=cookie",
      "requestCookies s=1",
      "requestCookiesNames s=s",
      "requestCookies t=2",
      "requestCookiesNames t=t",
      "requestHeaders x-two=2",
      "requestHeadersNames x-two=x-two",
      "argsGet q=A 1",
      "argsGetNames q=q",
      "argsGet r=",
      "argsGetNames r=r",
    ]);
  });

  test("keep an absolute form in the raw URI and the line only", () => {
    const { entries } = readRequestHead(head({ target: "http://h/a?b=c#d" }));
    expect(listParts(entries, "requestLine", "requestUriRaw", "requestUri", "argsGet")).toEqual([
      "requestLine=GET http://h/a?b=c#d HTTP/1.1",
      "requestUriRaw=http://h/a?b=c#d",
      "requestUri=/a?b=c",
      "argsGet b=c",
      "argsGet #=d",
    ]);
  });

  test("show what stands behind a fragment sign as a value that does not count", () => {
    const parts = readRequestHead(head({ target: "/?a=1#&q=%3Cscript>" }));
    expect(listEntries(parts.entries.slice(parts.expandedFrom))).toEqual(["argsGet #=&q=<script>"]);
  });

  test.each([
    ["/", []],
    ["/?", []],
    ["/?a=1&a=2", ["argsGet a=1", "argsGet a=2"]],
    ["/?a=%2541", ["argsGet a=%41"]],
    ["/?=x", ["argsGet=x"]],
    ["/?a&&b", ["argsGet a=", "argsGet b="]],
    ["/?a[]=1", ["argsGet a[]=1"]],
    ["/?a=1;b=2", ["argsGet a=1;b=2"]],
  ])("of the target %j have the arguments %j", (target, expected) => {
    expect(listParts(readRequestHead(head({ target })).entries, "argsGet")).toEqual(expected);
  });

  test("follow the separator and the kinds that are declared", () => {
    const { entries } = readRequestHead(head({ target: "/?n=1;n=x;p=hello" }), {
      argumentSeparator: ";",
      fieldKind: (name) => (name === "n" ? "number" : "prompt"),
    });
    expect(listParts(entries, "plain", "argsGet", "prompts")).toEqual([
      "plain n=1",
      "argsGet n=x",
      "prompts p=hello",
    ]);
  });

  test("hold names and values of any length that a request line had", () => {
    const name = "n".repeat(5000);
    const { entries, fault } = readRequestHead(head({ target: `/?${name}=1` }));
    expect(listParts(entries, "argsGet")).toEqual([`argsGet ${name}=1`]);
    expect(fault).toBeUndefined();
  });
});

describe("the variables of a request head", () => {
  test("name the connection", () => {
    const { variables } = readRequestHead(
      head({
        target: "/a%62?x",
        headers: [
          ["HOST", "example.com:8080"],
          ["Authorization", `Basic ${btoa("alice:s3cret")}`],
        ],
        id: "u1",
        remoteAddress: "203.0.113.7",
        remotePort: 4711,
        serverAddress: "198.51.100.1",
        serverPort: 443,
      }),
    );
    expect(Object.fromEntries(variables)).toMatchObject({
      SERVER_NAME: "example.com",
      SERVER_ADDR: "198.51.100.1",
      SERVER_PORT: "443",
      REMOTE_ADDR: "203.0.113.7",
      REMOTE_HOST: "203.0.113.7",
      REMOTE_PORT: "4711",
      REMOTE_USER: "alice",
      AUTH_TYPE: "Basic",
      PATH_INFO: "/ab",
      UNIQUE_ID: "u1",
      URLENCODED_ERROR: "0",
      REQBODY_ERROR: "0",
    });
  });

  test.each([
    [head({ serverName: "a", target: "http://b/", headers: [["Host", "c"]] }), "a"],
    [head({ target: "http://u@b:1/", headers: [["Host", "c"]] }), "b"],
    [head({ headers: [["Host", "[::1]:80"]] }), "[::1]"],
    [head(), ""],
  ])("name the server, as in case %#", (request, name) => {
    expect(readRequestHead(request).variables.get("SERVER_NAME")).toBe(name);
  });

  test.each([
    ["/?a=%zz", "1"],
    ["/?%4=1", "1"],
    ["/%zz?a=1", "0"],
  ])("say of %j whether an escape is broken: %s", (target, expected) => {
    expect(readRequestHead(head({ target })).variables.get("URLENCODED_ERROR")).toBe(expected);
  });

  test("say that there were more arguments than allowed; those before are kept", () => {
    const parts = readRequestHead(head({ target: "/?a=1&b=2&c=3" }), { argumentsLimit: 2 });
    expect(listParts(parts.entries, "argsGet")).toEqual(["argsGet a=1", "argsGet b=2"]);
    expect(parts.variables.get("REQBODY_ERROR")).toBe("1");
    expect(parts.variables.get("REQBODY_ERROR_MSG")).toMatch(/more fields/);
  });

  test("are made once, when they are asked for", () => {
    const parts = readRequestHead(head());
    expect(parts.variables).toBe(parts.variables);
    expect(parts.members.size).toBe(0);
  });
});
