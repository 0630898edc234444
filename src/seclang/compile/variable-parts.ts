/** Which parts of a message a variable names; a variable without parts is looked up by name instead. */
import { PART } from "../collections/entry.ts";

/** Arguments of the body, whatever the route declared of them. */
const ARGS_POST = PART.argsPost | PART.prompts | PART.identifiers | PART.plain;

/** Parts by canonical variable name. XML is not here: its parts depend on the path. */
const PARTS: ReadonlyMap<string, number> = new Map<string, number>([
  ["ARGS", PART.argsGet | ARGS_POST],
  ["ARGS_GET", PART.argsGet],
  ["ARGS_POST", ARGS_POST],
  ["ARGS_NAMES", PART.argsGetNames | PART.argsPostNames],
  ["ARGS_GET_NAMES", PART.argsGetNames],
  ["ARGS_POST_NAMES", PART.argsPostNames],
  ["PROMPTS", PART.prompts],
  ["IDENTIFIERS", PART.identifiers],
  ["REQUEST_HEADERS", PART.requestHeaders],
  ["REQUEST_HEADERS_NAMES", PART.requestHeadersNames],
  ["REQUEST_COOKIES", PART.requestCookies],
  ["REQUEST_COOKIES_NAMES", PART.requestCookiesNames],
  ["FILES", PART.files],
  ["FILES_NAMES", PART.filesNames],
  ["MULTIPART_PART_HEADERS", PART.multipartPartHeaders],
  ["REQUEST_LINE", PART.requestLine],
  ["REQUEST_URI", PART.requestUri],
  ["REQUEST_URI_RAW", PART.requestUriRaw],
  ["REQUEST_FILENAME", PART.requestFilename],
  ["REQUEST_BASENAME", PART.requestBasename],
  ["REQUEST_METHOD", PART.requestMethod],
  ["REQUEST_PROTOCOL", PART.requestProtocol],
  ["QUERY_STRING", PART.queryString],
  ["REQUEST_BODY", PART.requestBody],
  ["RESPONSE_HEADERS", PART.responseHeaders],
  ["RESPONSE_HEADERS_NAMES", PART.responseHeadersNames],
  ["RESPONSE_BODY", PART.responseBody],
]);

const XML_PATHS: ReadonlyMap<string, number> = new Map<string, number>([
  ["/*", PART.xmlText],
  ["//@*", PART.xmlAttributes],
]);

/** The parts of a variable, or undefined when it is no list of entries. */
export function partsOf(variable: string): number | undefined {
  return PARTS.get(variable);
}

/** The parts of an XPath; only all text and all attribute values can be named. */
export function xmlPartsOf(path: string): number | undefined {
  return XML_PATHS.get(path);
}

/** Arguments whose kind the route declared: rules that name no argument in particular leave them to their own rules. */
export const DECLARED_PARTS: number = PART.prompts | PART.plain;
