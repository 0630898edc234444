import { describe, expect, test } from "vitest";
import { readCurl } from "./explain-curl.ts";
import { readTold } from "./explain-told.ts";

interface Read {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly scheme: string | undefined;
}

function plain(told: ReturnType<typeof readTold>): Read {
  const headers: Record<string, string> = {};
  for (let i = 0; i < told.rawHeaders.length; i += 2)
    headers[(told.rawHeaders[i] as string).toLowerCase()] = told.rawHeaders[i + 1] as string;
  const { method, target, scheme, body } = told;
  return { method, target, scheme, headers, body: body.toString() };
}

const HOST = { host: "h.example", accept: "*/*" };
const FORM = { ...HOST, "content-type": "application/x-www-form-urlencoded" };

describe("a curl command line", () => {
  test.each<[string, string, Partial<Read>]>([
    [
      "is a GET by default",
      "curl http://h.example/a",
      { method: "GET", target: "/a", headers: HOST },
    ],
    ["needs no curl in front", "https://h.example/a", { scheme: "https" }],
    ["needs no scheme", "curl h.example:8080/a", { target: "/a", scheme: "http" }],
    ["has a path when none is named", "curl http://h.example", { target: "/" }],
    ["keeps a query before any path", "curl 'http://h.example?a=1'", { target: "/?a=1" }],
    ["drops a fragment", "curl 'http://h.example/a#b'", { target: "/a" }],
    [
      "posts its data",
      "curl -d a=1 -d b=2 http://h.example/a",
      { method: "POST", body: "a=1&b=2", headers: { ...FORM, "content-length": "7" } },
    ],
    [
      "puts what it is told to",
      "curl -XPUT --data-raw @x http://h.example/a",
      { method: "PUT", body: "@x" },
    ],
    [
      "sends JSON as JSON",
      `curl --json '{"a":1}' http://h.example/a`,
      {
        method: "POST",
        body: '{"a":1}',
        headers: {
          host: "h.example",
          accept: "application/json",
          "content-type": "application/json",
          "content-length": "7",
        },
      },
    ],
    [
      "moves data into the query with -G",
      "curl -G -d a=1 'http://h.example/a?b=2'",
      { method: "GET", target: "/a?b=2&a=1", body: "" },
    ],
    ["asks for the head alone with -I", "curl -sI http://h.example/a", { method: "HEAD" }],
    [
      "takes a value in the same word",
      `curl -sSH'X-One: 1' http://h.example/a`,
      { headers: { ...HOST, "x-one": "1" } },
    ],
    ["takes headers away", "curl -H 'Accept:' http://h.example/a", { headers: HOST }],
    [
      "sends empty headers",
      "curl -H 'X-None;' http://h.example/a",
      { headers: { ...HOST, "x-none": "" } },
    ],
    [
      "sends user and password",
      "curl -u me:pass http://h.example/a",
      { headers: { ...HOST, authorization: "Basic bWU6cGFzcw==" } },
    ],
    [
      "goes over lines",
      "curl \\\n  -H 'X-One: 1' \\\r\n  http://h.example/a\n",
      { headers: { ...HOST, "x-one": "1" } },
    ],
    [
      "has double quotes with escapes",
      String.raw`curl --json "{\"a\":\"\$b\"}" http://h.example/a`,
      { body: '{"a":"$b"}' },
    ],
    [
      "has the quotes of bash, as browsers copy them",
      String.raw`curl --data-raw $'it\'s\n' http://h.example/a`,
      { body: "it's\n" },
    ],
    ["joins quoted pieces", `curl -d 'a'"b"c http://h.example/a`, { body: "abc" }],
  ])("%s", (_name, line, expected) => {
    expect(plain(readCurl(line))).toMatchObject(expected);
  });

  test.each([
    [
      "an option it does not know",
      "curl --proxy me:hunter2 http://h/",
      /--proxy is not understood/,
    ],
    [
      "an option with its value attached",
      "curl --proxy=hunter2 http://h/",
      /--proxy is not understood/,
    ],
    ["a short one", "curl -xhunter2 http://h/", /-x is not understood/],
    ["a certificate", "curl --cert hunter2.pem http://h/", /--cert is not understood/],
    ["a body in a file", "curl -d @hunter2 http://h/", /a body from a file/],
    ["headers in a file", "curl -H @hunter2 http://h/", /a header is not written/],
    ["no URL", "curl -H 'X: hunter2'", /names no URL/],
    ["two URLs", "curl http://h/hunter2 http://h/", /two URLs/],
    ["a missing value", "curl http://h/ -H", /--header lacks its value/],
    ["an open quote", "curl -H 'X: hunter2 http://h/", /never closed/],
    ["a variable", 'curl -H "authorization: Bearer $hunter2" http://h/', /a shell would expand/],
    ["a variable without quotes", "curl -u $hunter2 http://h/", /a shell would expand/],
    ["a command", "curl -u `hunter2` http://h/", /a shell would expand/],
    ["a second command", "curl http://h/ && hunter2", /a shell would expand/],
    ["a query without quotes", "curl http://h/?a=1&b=hunter2", /a shell would expand/],
    ["a password in the URL", "curl http://me:hunter2@h/", /user name and password/],
    ["a scheme that is not HTTP", "curl ftp://h/hunter2", /http\(s\)/],
  ])("with %s is refused, and no value of it repeated", (_name, line, message) => {
    expect(() => readCurl(line)).toThrow(message);
    expect(() => readCurl(line)).not.toThrow(/hunter2/);
  });
});

describe("a told request", () => {
  test.each<[string, string, Partial<Read>]>([
    [
      "raw, with a length",
      "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}\n",
      { method: "POST", target: "/a?b", body: "{}", headers: { host: "h", "content-length": "2" } },
    ],
    [
      "raw, as an editor writes it",
      "POST /a HTTP/1.1\nHost:h\n\n{}",
      { body: "{}", headers: { host: "h", "content-length": "2" } },
    ],
    ["raw, a head alone", "GET /a HTTP/1.1\nHost: h\n", { method: "GET", body: "" }],
    [
      "JSON",
      '{"method":"PUT","url":"https://h.example/a","headers":{"X":["1","2"]},"body":{"a":1}}',
      { method: "PUT", target: "/a", scheme: "https", body: '{"a":1}' },
    ],
    [
      "JSON with a path",
      ' {"url":"/a","body":"text"}',
      { method: "GET", target: "/a", body: "text" },
    ],
  ])("is read: %s", (_name, text, expected) => {
    expect(plain(readTold(Buffer.from(text)))).toMatchObject(expected);
  });

  test.each([
    ["no request line", "hunter2\n\n", /line 1 is no request line/],
    ["another version", "GET /hunter2 HTTP/2\n\n", /line 1 is no request line/],
    ["a folded header", "GET / HTTP/1.1\nX: 1\n hunter2\n\n", /line 3 is no header field/],
    [
      "a transfer coding",
      "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n",
      /leave Transfer-Encoding out/,
    ],
    [
      "more body than its length",
      "POST / HTTP/1.1\nContent-Length: 1\n\nhunter2",
      /longer than its Content-Length/,
    ],
    ["broken JSON", '{"url":"/hunter2"', /not JSON/],
    ["JSON without url", "{}", /url is missing/],
    ["an unknown member", '{"url":"/","hedaers":{"a":"hunter2"}}', /unknown member "hedaers"/],
    [
      "a header that is no text",
      '{"url":"/","headers":{"a":{"b":"hunter2"}}}',
      /header "a" is not a text/,
    ],
    ["a URL that is none", '{"url":"hunter2"}', /neither a path/],
  ])("with %s is refused, and no value of it repeated", (_name, text, message) => {
    expect(() => readTold(Buffer.from(text))).toThrow(message);
    expect(() => readTold(Buffer.from(text))).not.toThrow(/hunter2/);
  });
});
