/**
 * Takes a request off the wire as a strict server (httpd 2.4) does, and says what such a server refuses by itself; it
 * must never mend what the rules are meant to see.
 */
import type { ByteString } from "../byte-string.ts";
import type { HeaderFields, RequestHead } from "../collections/message.ts";
import { readBody } from "./read-wire-body.ts";

export interface Refusal {
  /** What the server answers; 0 when it waits for more and at last closes the connection. */
  readonly status: number;
  readonly reason: string;
  /** Whether the rules have seen the request by then. */
  readonly isAfterRules: boolean;
}

export interface WireRequest {
  readonly head: RequestHead;
  readonly body: ByteString;
  readonly refusedByServer: Refusal | undefined;
}

export function readWire(wire: ByteString): WireRequest {
  const { lines, rest } = splitHead(wire);
  const [requestLine = "", ...headerLines] = lines;
  const [method, target, protocol] = splitRequestLine(requestLine);
  const { headers, problem } = readHeaders(headerLines);
  const head: RequestHead = { method, target, protocol, headers, ...ADDRESSES };
  const body = readBody(headers, rest);
  const bad =
    (/[^\r]\n/.test(wire.slice(0, wire.length - rest.length)) ? "a bare line feed" : undefined) ??
    requestLineProblem(requestLine) ??
    targetProblem(method, target) ??
    problem ??
    hostProblem(protocol, headers) ??
    body.problem;
  if (bad !== undefined) return refused(head, { status: 400, reason: bad, isAfterRules: false });
  if (body.isIncomplete) {
    return refused(head, { status: 0, reason: "the body is not complete", isAfterRules: false });
  }
  const fragment = target.includes("#")
    ? { status: 400, reason: "a fragment in the request target", isAfterRules: true }
    : undefined;
  return {
    head: { ...head, headers: body.headers },
    body: body.content,
    refusedByServer: fragment,
  };
}

const ADDRESSES = {
  remoteAddress: "127.0.0.1",
  remotePort: 40_000,
  serverAddress: "127.0.0.1",
  serverPort: 80,
};

function refused(head: RequestHead, refusal: Refusal): WireRequest {
  return { head, body: "", refusedByServer: refusal };
}

/** The lines up to the empty one; LF alone ends a line, too, so that such a request can be shown. */
function splitHead(wire: ByteString): { lines: string[]; rest: ByteString } {
  const end = /\n\r?\n/.exec(wire);
  const head = end === null ? wire : wire.slice(0, end.index);
  const rest = end === null ? "" : wire.slice(end.index + end[0].length);
  return { lines: head.split("\n").map((line) => line.replace(/\r$/, "")), rest };
}

/** Method up to the first space, protocol from the last: the target keeps what is between, however wrong. */
function splitRequestLine(line: ByteString): [string, string, string] {
  // Not \s: it takes the byte A0, a part of many characters in UTF-8, for white space.
  const match = /^([^ \t]*)[ \t]+(.*?)(?:[ \t]+([^ \t]+))?$/s.exec(line);
  return [match?.[1] ?? line, match?.[2] ?? "", match?.[3] ?? ""];
}

/** RFC 9112 section 3: token SP request-target SP HTTP-version. */
function requestLineProblem(line: ByteString): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+ /.test(line)) return "a method that is no token";
  if (!/^[^ \t]+ [^ \t]+ [^ \t]+$/.test(line)) return "white space in the request target";
  // oxlint-disable-next-line no-control-regex -- the bytes that the server refuses
  if (/[\x00-\x1f\x7f]/.test(line)) return "a control character in the request line";
  // HTTP/0.9 has no version in its line, and no headers.
  if (!/ HTTP\/[1-9]\.\d$/.test(line)) return "an unknown protocol version";
  return undefined;
}

/** RFC 9112 section 3.2: origin-form, absolute-form, and the two that belong to one method each. */
function targetProblem(method: ByteString, target: ByteString): string | undefined {
  if (method === "CONNECT") {
    return /^[^/?#@]+:\d+$/.test(target) ? undefined : "CONNECT without host and port";
  }
  // A bare query is taken for one of the path `/`.
  if (target === "*" || /^[/?]/.test(target)) return undefined;
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(target) ? undefined : "a target that is no path";
}

function readHeaders(lines: readonly ByteString[]): {
  headers: HeaderFields;
  problem: string | undefined;
} {
  const headers: [ByteString, ByteString][] = [];
  let problem: string | undefined;
  for (const line of lines) {
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      // obs-fold, RFC 9112 section 5.2: one space stands for it.
      last[1] = `${last[1]} ${trimmed(line)}`;
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    headers.push([name, colon === -1 ? "" : trimmed(line.slice(colon + 1))]);
    if (colon === -1) problem ??= "a header line without a colon";
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) problem ??= "a header name that is no token";
    // oxlint-disable-next-line no-control-regex -- the bytes that the server refuses
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) problem ??= "a control character in a header";
  }
  return { headers, problem };
}

function trimmed(value: ByteString): ByteString {
  return value.replace(/^[ \t]+|[ \t]+$/g, "");
}

/**
 * RFC 9112 section 3.2: a server MUST answer 400 to HTTP/1.1 without exactly one Host, and to one that is no host. An older
 * request may come without, or with an empty one.
 */
function hostProblem(protocol: ByteString, headers: HeaderFields): string | undefined {
  const hosts = headers.filter(([name]) => name.toLowerCase() === "host");
  if (hosts.length > 1) return "more than one Host";
  const host = hosts[0]?.[1];
  if (protocol === "HTTP/1.0" && (host ?? "") === "") return undefined;
  if (host === undefined) return "no Host";
  return /^(?:[\w.-]+|\[[\dA-Fa-f:.]+\])(?::\d*)?$/.test(host) ? undefined : "a Host that is none";
}
