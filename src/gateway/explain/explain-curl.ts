/**
 * A curl command line as a request. It understands the options that say what is sent, and refuses every other by name:
 * an option that was passed over in silence would explain another request than the one that was meant.
 */
import { splitTarget, ToldWrong, valueOf, withLength, type ToldRequest } from "./explain-told.ts";

/** What an option does with its value. */
type Take = (gathered: Gathered, value: string) => void;

interface Gathered {
  method: string | undefined;
  url: string | undefined;
  readonly headers: string[];
  readonly data: string[];
  isJson: boolean;
  isHead: boolean;
  isGet: boolean;
}

const takeData: Take = ({ data }, value) => {
  if (value.startsWith("@"))
    throw new ToldWrong("a body from a file is not read here; write it out, or use --request");
  data.push(value);
};

const OPTIONS: Readonly<Record<string, Take>> = {
  "--request": (gathered, value) => (gathered.method = value),
  "--url": takeUrl,
  "--header": ({ headers }, value) => headers.push(...fieldOf(value)),
  "--data": takeData,
  "--data-ascii": takeData,
  "--data-binary": takeData,
  "--data-raw": ({ data }, value) => data.push(value),
  "--json": (gathered, value) => {
    takeData(gathered, value);
    gathered.isJson = true;
  },
  "--user": ({ headers }, value) =>
    headers.push("Authorization", `Basic ${Buffer.from(value).toString("base64")}`),
  "--oauth2-bearer": ({ headers }, value) => headers.push("Authorization", `Bearer ${value}`),
  "--user-agent": ({ headers }, value) => headers.push("User-Agent", value),
  "--referer": ({ headers }, value) => headers.push("Referer", value),
  "--cookie": ({ headers }, value) => headers.push("Cookie", value),
};

const FLAGS: Readonly<Record<string, (gathered: Gathered) => void>> = {
  "--head": (gathered) => (gathered.isHead = true),
  "--get": (gathered) => (gathered.isGet = true),
  "--http1.1": () => undefined,
  // These say nothing of the request.
  "--silent": () => undefined,
  "--show-error": () => undefined,
  "--include": () => undefined,
  "--verbose": () => undefined,
  "--insecure": () => undefined,
  "--fail": () => undefined,
  "--compressed": ({ headers }) => headers.push("Accept-Encoding", "deflate, gzip, br, zstd"),
};

const SHORT: Readonly<Record<string, string>> = {
  X: "--request",
  H: "--header",
  d: "--data",
  u: "--user",
  A: "--user-agent",
  e: "--referer",
  b: "--cookie",
  I: "--head",
  G: "--get",
  s: "--silent",
  S: "--show-error",
  i: "--include",
  v: "--verbose",
  k: "--insecure",
  f: "--fail",
};

/** Reads a command line, with or without `curl` in front; throws `ToldWrong`. */
export function readCurl(commandLine: string): ToldRequest {
  const words = splitWords(commandLine);
  if (words[0] === "curl") words.shift();
  const gathered: Gathered = {
    method: undefined,
    url: undefined,
    headers: [],
    data: [],
    isJson: false,
    isHead: false,
    isGet: false,
  };
  gather(words, gathered);
  return toRequest(gathered);
}

function gather(words: readonly string[], gathered: Gathered): void {
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith("-") || word === "-") takeUrl(gathered, word);
    else if (word.startsWith("--")) takeOption(word, gathered, rest);
    else takeShort(word.slice(1), gathered, rest);
  }
}

function takeOption(name: string, gathered: Gathered, rest: string[]): void {
  if (Object.hasOwn(FLAGS, name)) return FLAGS[name]?.(gathered);
  if (!Object.hasOwn(OPTIONS, name)) throw unknown(name);
  const value = rest.shift();
  if (value === undefined) throw new ToldWrong(`curl option ${name} lacks its value`);
  OPTIONS[name]?.(gathered, value);
}

/** `-sSXPOST`: flags in a row, then perhaps an option with its value in the same word. */
function takeShort(letters: string, gathered: Gathered, rest: string[]): void {
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i] as string;
    const name = Object.hasOwn(SHORT, letter) ? SHORT[letter] : undefined;
    if (name === undefined) throw unknown(`-${letter}`);
    const isFlag = Object.hasOwn(FLAGS, name);
    const attached = letters.slice(i + 1);
    if (!isFlag && attached !== "") rest.unshift(attached);
    takeOption(name, gathered, rest);
    if (!isFlag) return;
  }
}

function takeUrl(gathered: Gathered, value: string): void {
  if (gathered.url !== undefined) throw new ToldWrong("two URLs; explain one request at a time");
  gathered.url = value;
}

/** The name alone: its value may be a credential. */
const unknown = (name: string): ToldWrong =>
  new ToldWrong(
    `curl option ${name.replace(/=.*/, "")} is not understood here; known: ${[...Object.keys(OPTIONS), ...Object.keys(FLAGS)].join(" ")}`,
  );

/** `Name: value`; `Name;` sends it empty, and `Name:` takes away what curl would send by itself. */
function fieldOf(header: string): [string, string] | [] {
  const [, name, separator, value = ""] = /^([^:;\s]+)([:;])(.*)$/s.exec(header) ?? [];
  if (name === undefined)
    throw new ToldWrong('a header is not written as "Name: value"; @file is not read here');
  if (separator === ":" && value.trim() === "") return [];
  return [name, separator === ";" ? "" : value.trim()];
}

function toRequest(gathered: Gathered): ToldRequest {
  const { url, headers, data, isJson, isHead, isGet } = gathered;
  if (url === undefined) throw new ToldWrong("the curl command names no URL");
  // curl joins --data by "&" and --json by nothing.
  const joined = data.join(isJson ? "" : "&");
  const given = splitTarget(url.startsWith("/") || url.includes("://") ? url : `http://${url}`);
  const target = isGet && joined !== "" ? withQuery(given.target, joined) : given.target;
  const hasBody = data.length > 0 && !isGet;
  const rawHeaders = [...headers];
  const addUnlessTold = (name: string, value: string): void => {
    if (valueOf(rawHeaders, name.toLowerCase()) === undefined) rawHeaders.push(name, value);
  };
  addUnlessTold("Accept", isJson ? "application/json" : "*/*");
  if (hasBody)
    addUnlessTold(
      "Content-Type",
      isJson ? "application/json" : "application/x-www-form-urlencoded",
    );
  return withLength({
    ...given,
    target,
    method: gathered.method ?? (isHead ? "HEAD" : hasBody ? "POST" : "GET"),
    rawHeaders,
    body: Buffer.from(hasBody ? joined : ""),
  });
}

const withQuery = (target: string, query: string): string =>
  `${target}${target.includes("?") ? "&" : "?"}${query}`;

/** What a backslash means in $'...' of bash. */
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "'": "'",
  '"': '"',
  "\\": "\\",
};

/** Splits as a POSIX shell does, quotes and all, but expands nothing: a `$` or a backtick outside of quotes is refused. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let rest = text.trim();
  while (rest !== "") {
    const piece = nextPiece(rest);
    rest = rest.slice(piece.length);
    if (piece.text === undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + piece.text;
  }
  return word === undefined ? words : [...words, word];
}

interface Piece {
  readonly length: number;
  /** Undefined for what separates words. */
  readonly text: string | undefined;
}

const BETWEEN = /^(?:\s|\\\r?\n)+/;
const SINGLE = /^'([^']*)'/;
const BASH = /^\$'((?:[^'\\]|\\[\s\S])*)'/;
const DOUBLE = /^"((?:[^"\\]|\\[\s\S])*)"/;
const PLAIN = /^(?:[^\s'"\\$`|&;<>()]|\\[^\r\n])+/;

function nextPiece(rest: string): Piece {
  const between = BETWEEN.exec(rest);
  if (between) return { length: between[0].length, text: undefined };
  const single = SINGLE.exec(rest);
  if (single) return { length: single[0].length, text: single[1] };
  const bash = BASH.exec(rest);
  if (bash) return { length: bash[0].length, text: unescapeBash(bash[1] as string) };
  const double = DOUBLE.exec(rest);
  if (double) {
    const inner = double[1] as string;
    if (/(?<!\\)(?:\\\\)*[$`]/.test(inner)) throw expansion();
    return { length: double[0].length, text: inner.replace(/\\(?:\r?\n|(["\\$`]))/g, "$1") };
  }
  const plain = PLAIN.exec(rest);
  if (plain) return { length: plain[0].length, text: plain[0].replace(/\\(.)/g, "$1") };
  throw rest.startsWith("'") || rest.startsWith('"')
    ? new ToldWrong("a quotation mark of the curl command is never closed")
    : expansion();
}

function unescapeBash(text: string): string {
  return text.replace(/\\([\s\S])/g, (_all, letter: string) => {
    const meant = ESCAPES[letter];
    if (meant === undefined)
      throw new ToldWrong(`the escape \\${letter} in $'...' is not understood`);
    return meant;
  });
}

const expansion = (): ToldWrong =>
  new ToldWrong(
    "the curl command holds something a shell would expand or run; write values out, in single quotes",
  );
