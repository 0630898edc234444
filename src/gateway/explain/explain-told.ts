/**
 * A request that never happened, as an operator tells it: raw HTTP/1.1, or JSON. What is ambiguous is refused with what
 * to write instead. Its texts may hold credentials: no message here ever repeats a value.
 */

/** A request as told, before any rule of HTTP was applied to it. */
export interface ToldRequest {
  readonly method: string;
  /** Origin-form, as it would stand in the request line. */
  readonly target: string;
  /** Flat name and value, as told. Without Content-Length there is none, whatever the body. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** What an absolute URL said of the scheme. */
  readonly scheme: "http" | "https" | undefined;
}

/** The request cannot be read; the text is for the operator. */
export class ToldWrong extends Error {
  override readonly name = "ToldWrong";
  readonly code = "explain.request_unreadable";
}

/** Longest text of a request that is read. The gateway's own limits are far below. */
export const TOLD_LIMIT_BYTES = 16_777_216;

/** Reads a file's bytes: JSON when they begin with a brace, raw HTTP/1.1 otherwise. */
export function readTold(bytes: Buffer): ToldRequest {
  if (bytes.length > TOLD_LIMIT_BYTES)
    throw new ToldWrong(`the request is larger than ${TOLD_LIMIT_BYTES} bytes`);
  return bytes.toString("latin1", 0, 64).trimStart().startsWith("{")
    ? readJson(bytes)
    : readRaw(bytes);
}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.1$/;

/** Line ends may be LF alone, as editors write them. The body is everything behind the empty line. */
function readRaw(bytes: Buffer): ToldRequest {
  const { head, body } = splitHead(bytes);
  const [first = "", ...lines] = head.toString("latin1").split(/\r?\n/);
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined)
    throw new ToldWrong('line 1 is no request line; write "POST /path HTTP/1.1"');
  const rawHeaders = lines.flatMap((line, index) => {
    const colon = line.indexOf(":");
    if (colon <= 0 || /^\s/.test(line))
      throw new ToldWrong(`line ${index + 2} is no header field; write "Name: value" on one line`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  if (valueOf(rawHeaders, "transfer-encoding") !== undefined)
    throw new ToldWrong("leave Transfer-Encoding out, and write the body as it is");
  return withLength({ ...splitTarget(target), method, rawHeaders, body: bodyOf(rawHeaders, body) });
}

function splitHead(bytes: Buffer): { readonly head: Buffer; readonly body: Buffer } {
  const ends = ["\r\n\r\n", "\n\n"].map((mark) => ({ mark, at: bytes.indexOf(mark) }));
  const [end] = ends.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at);
  if (end)
    return { head: bytes.subarray(0, end.at), body: bytes.subarray(end.at + end.mark.length) };
  // A head alone, perhaps with the line end that editors add.
  return { head: Buffer.from(bytes.toString("latin1").trimEnd(), "latin1"), body: Buffer.alloc(0) };
}

/** Where a length is told, bytes behind it may only be the line end that editors add. */
function bodyOf(rawHeaders: readonly string[], body: Buffer): Buffer {
  const length = valueOf(rawHeaders, "content-length");
  if (length === undefined || !/^\d{1,15}$/.test(length)) return body;
  const rest = body.subarray(Number(length)).toString("latin1");
  if (rest.trim() !== "")
    throw new ToldWrong("the body is longer than its Content-Length; correct it, or leave it out");
  return body.subarray(0, Number(length));
}

const MEMBERS = ["method", "url", "headers", "body"];

function readJson(bytes: Buffer): ToldRequest {
  const told = parseObject(bytes.toString("utf8"));
  for (const name of Object.keys(told))
    if (!MEMBERS.includes(name))
      throw new ToldWrong(`unknown member ${JSON.stringify(name)}; known: ${MEMBERS.join(", ")}`);
  const { method = "GET", url, headers = {}, body = "" } = told;
  if (typeof method !== "string") throw new ToldWrong("method is not a text");
  if (typeof url !== "string") throw new ToldWrong("url is missing, or not a text");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return withLength({
    ...splitTarget(url),
    method,
    rawHeaders: readHeaders(headers),
    body: Buffer.from(text),
  });
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words quote the text, which may hold a token.
    throw new ToldWrong("the request begins with a brace but is not JSON");
  }
  return value as Readonly<Record<string, unknown>>;
}

function readHeaders(headers: unknown): string[] {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers))
    throw new ToldWrong('headers is not an object such as {"content-type": "application/json"}');
  return Object.entries(headers).flatMap(([name, value]) => {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((one) => {
      if (typeof one !== "string")
        throw new ToldWrong(`the value of header ${JSON.stringify(name)} is not a text`);
      return [name, one];
    });
  });
}

interface Target {
  readonly target: string;
  readonly scheme: ToldRequest["scheme"];
  readonly authority: string | undefined;
}

const ABSOLUTE = /^(https?):\/\/([^/?#]*)([^#]*)(#.*)?$/i;

/** A path as it is, or the parts of an absolute URL; its text is not normalised: that is for the gateway to judge. */
export function splitTarget(url: string): Target {
  if (url.startsWith("/")) return { target: url, scheme: undefined, authority: undefined };
  const [, scheme, authority, rest = ""] = ABSOLUTE.exec(url) ?? [];
  if (scheme === undefined || !authority)
    throw new ToldWrong('the URL is neither a path such as "/churn/v2/predict" nor http(s)://...');
  if (authority.includes("@"))
    throw new ToldWrong("leave user name and password out of the URL; send a header");
  return {
    target: rest.startsWith("/") ? rest : `/${rest}`,
    scheme: scheme.toLowerCase() as "http" | "https",
    authority,
  };
}

/** Host and Content-Length as any client adds them, where they are not told. */
export function withLength({
  authority,
  ...told
}: ToldRequest & Pick<Target, "authority">): ToldRequest {
  const rawHeaders = [...told.rawHeaders];
  if (valueOf(rawHeaders, "host") === undefined)
    rawHeaders.unshift("Host", authority ?? "gateway.invalid");
  const isFramed = ["content-length", "transfer-encoding"].some(
    (name) => valueOf(rawHeaders, name) !== undefined,
  );
  if (!isFramed && told.body.length > 0) rawHeaders.push("Content-Length", `${told.body.length}`);
  return { ...told, rawHeaders };
}

/** The first value of a field; names in any case. */
export function valueOf(rawHeaders: readonly string[], name: string): string | undefined {
  const at = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
}
