/** What upstreams may answer, byte by byte: each row plays raw bytes and says what the caller gets. */
import { afterEach, describe, expect, test } from "vitest";
import { contextOf } from "../../test/support/context.ts";
import {
  openUpstreams,
  seen,
  send,
  startRaw,
  stopAll,
  untilIdle,
} from "./forwarding.test-support.ts";

afterEach(stopAll);

interface Row {
  readonly name: string;
  readonly bytes: string;
  /** What the upstream does behind its bytes. Default: keeps the connection open. */
  readonly closes?: "end" | "destroy";
  readonly method?: string;
  readonly sees: string;
}

const OK = "HTTP/1.1 200 OK\r\n";
const many = (count: number, line: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => line(at)).join("");

const ANSWERED: Row[] = [
  { name: "a declared length", bytes: `${OK}Content-Length: 2\r\n\r\nhi`, sees: "200 hi" },
  { name: "an empty answer", bytes: `${OK}Content-Length: 0\r\n\r\n`, sees: "200" },
  {
    name: "chunks",
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n`,
    sees: "200 hi!",
  },
  {
    name: "chunks with extensions and trailers",
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n`,
    sees: "200 hi",
  },
  {
    name: "the end of the connection as the end",
    bytes: `${OK}Connection: close\r\n\r\nhi`,
    closes: "end",
    sees: "200 hi",
  },
  {
    name: "HTTP/1.0 without a length",
    bytes: "HTTP/1.0 200 OK\r\n\r\nhi",
    closes: "end",
    sees: "200 hi",
  },
  { name: "204 without a body", bytes: "HTTP/1.1 204 No Content\r\n\r\n", sees: "204" },
  {
    name: "304 with the length of what it stands for",
    bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    sees: "304",
  },
  {
    name: "HEAD with the length of a GET",
    method: "HEAD",
    bytes: `${OK}Content-Length: 900000\r\n\r\n`,
    sees: "200",
  },
  {
    name: "an error of the upstream's own",
    bytes: "HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad",
    sees: "500 bad",
  },
  {
    name: "early hints before the answer",
    bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    sees: "200 hi",
  },
  {
    name: "no reason phrase",
    bytes: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi",
    sees: "200 hi",
  },
];

const REFUSED: Row[] = [
  { name: "no HTTP at all", bytes: "hello\r\n\r\n", sees: "upstream.invalid_response" },
  {
    name: "a status code of two digits",
    bytes: "HTTP/1.1 20 OK\r\n\r\n",
    sees: "upstream.invalid_response",
  },
  {
    name: "a status code above 599",
    bytes: "HTTP/1.1 700 No\r\nContent-Length: 0\r\n\r\n",
    sees: "upstream.invalid_response",
  },
  {
    name: "two lengths",
    bytes: `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a length that is a list",
    bytes: `${OK}Content-Length: 2, 2\r\n\r\nhi`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a negative length",
    bytes: `${OK}Content-Length: -2\r\n\r\nhi`,
    sees: "upstream.invalid_response",
  },
  {
    name: "length and chunks",
    bytes: `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a chunk size that is no number",
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a chunk longer than it says",
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhidden\r\n0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "NUL in a field",
    bytes: `${OK}X-A: a\0b\r\nContent-Length: 0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a bare CR in a field",
    bytes: `${OK}X-A: a\rSet-Cookie: b=c\r\nContent-Length: 0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a folded field",
    bytes: `${OK}X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a space in a field name",
    bytes: `${OK}X A: b\r\nContent-Length: 0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a field without a colon",
    bytes: `${OK}nonsense\r\nContent-Length: 0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "more fields than allowed",
    bytes: `${OK}${many(300, (at) => `x-${at}: 1\r\n`)}Content-Length: 0\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "a header section above the limit",
    bytes: `${OK}x-a: ${"a".repeat(40_000)}\r\n\r\n`,
    sees: "upstream.invalid_response",
  },
  {
    name: "an upgrade nobody asked for",
    bytes: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    sees: "upstream.connection_lost",
  },
  {
    name: "the connection closed without a word",
    bytes: "",
    closes: "end",
    sees: "upstream.connection_lost",
  },
  {
    name: "the connection reset without a word",
    bytes: "",
    closes: "destroy",
    sees: "upstream.connection_lost",
  },
  {
    name: "the connection closed in the head",
    bytes: `${OK}Content-Le`,
    closes: "end",
    sees: "upstream.connection_lost",
  },
  {
    name: "the connection closed in a declared body",
    bytes: `${OK}Content-Length: 9\r\n\r\nhi`,
    closes: "end",
    sees: "upstream.connection_lost",
  },
  {
    name: "a last answer shorter than it says",
    bytes: `${OK}Connection: close\r\nContent-Length: 9\r\n\r\nhi`,
    closes: "end",
    sees: "upstream.invalid_response",
  },
  {
    name: "a last answer in chunks without its end",
    bytes: `${OK}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n`,
    closes: "end",
    sees: "upstream.invalid_response",
  },
];

async function play({ bytes, closes, method = "POST" }: Row) {
  const url = await startRaw((socket) => {
    socket.write(bytes, "latin1");
    if (closes === "end") socket.end();
    else if (closes === "destroy") socket.resetAndDestroy();
  });
  const upstreams = await openUpstreams({ targets: [url], timeout: "3s" });
  const { forwarded } = send(upstreams, contextOf({ method, body: method === "HEAD" ? "" : "{}" }));
  return { upstreams, forwarded: await forwarded };
}

describe("an upstream that answers with", () => {
  test.each(ANSWERED)("$name is passed on", async (row) => {
    const { upstreams, forwarded } = await play(row);
    expect(await seen(forwarded)).toBe(row.sees);
    await untilIdle(upstreams);
  });

  test.each(REFUSED)("$name is refused with 502", async (row) => {
    const { upstreams, forwarded } = await play(row);
    expect(await seen(forwarded)).toBe(row.sees);
    expect(forwarded).toMatchObject({ kind: "rejected", rejection: { status: 502 } });
    await untilIdle(upstreams);
  });
});

describe("the fields of an answer", () => {
  const headersOf = async (bytes: string, method = "POST") => {
    const { forwarded } = await play({ name: "", bytes, method, sees: "" });
    if (forwarded.kind === "rejected") throw new Error(forwarded.rejection.cause);
    return forwarded.response.headers;
  };

  test("come in lower case and order, repeated ones as several, without the length", async () => {
    const headers = await headersOf(
      `${OK}Set-Cookie: a=1\r\nX-Caf: \xe9  \r\nSet-Cookie: b=2\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(headers).toEqual([
      "set-cookie",
      "a=1",
      "x-caf",
      "\xe9",
      "set-cookie",
      "b=2",
      "content-type",
      "application/json",
    ]);
  });

  test("that concern the connection, or are named by it, stay behind", async () => {
    const headers = await headersOf(
      `${OK}Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n` +
        `Alt-Svc: h3=":443"\r\nTrailer: x-sum\r\nUpgrade: h2c\r\nConnection: x-other\r\nX-Other: 2\r\nX-Kept: 3\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    expect(headers).toEqual(["x-kept", "3"]);
  });

  test.each([
    ["HEAD", `${OK}Content-Length: 900000\r\n\r\n`, ["content-length", "900000"]],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ["content-length", "7"]],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", []],
  ])("say the length that is not the body's: %s", async (method, bytes, expected) => {
    expect(await headersOf(bytes, method)).toEqual(expected);
  });
});

test("bytes behind an answer end the connection and are nobody's answer", async () => {
  let connections = 0;
  const url = await startRaw((socket) => {
    connections++;
    const smuggled = `${OK}Content-Length: 8\r\n\r\nsmuggled`;
    socket.write(`${OK}Content-Length: 2\r\n\r\nhi${connections === 1 ? smuggled : ""}`);
  });
  const upstreams = await openUpstreams({ targets: [url], connections: 1 });
  for (let i = 0; i < 3; i++) {
    expect(await seen(send(upstreams, contextOf({ body: "{}" })).forwarded)).toBe("200 hi");
  }
  expect(connections).toBe(3);
});
