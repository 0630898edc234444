/**
 * Checks typed path and query parameters. It must never decode a value twice, nor let a query mean two things: what is
 * declared may occur once, and what cannot be decoded is refused.
 */
import type { Violation } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import type { ContractRoute, ParameterRule } from "./config.ts";

/** Query parameters looked at. Above it a query is refused unread: each one costs decoding and a look-up. */
const DEFAULT_QUERY_PARAMETERS = 256;
/** Violations told to a caller. Raised, one long query buys a large answer. */
const DEFAULT_PARAMETER_VIOLATIONS = 20;
/** Characters of a caller's own parameter name that a refusal repeats. */
const SHOWN_NAME_LENGTH = 64;

/** What is wrong with a decoded value, in words for the caller; undefined when nothing is. */
type Check = (value: string) => string | undefined;

const SLUG = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
const INT = /^-?(?:0|[1-9][0-9]{0,15})$/;
const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

function compileCheck(rule: ParameterRule): Check {
  switch (rule.type) {
    case "slug":
      return expecting(SLUG, "must be letters, digits, dots, hyphens or underscores");
    case "uuid":
      return expecting(UUID, "must be a UUID");
    case "boolean":
      return expecting(/^(?:true|false)$/, "must be true or false");
    case "int":
      return compileInt(rule.min ?? Number.MIN_SAFE_INTEGER, rule.max ?? Number.MAX_SAFE_INTEGER);
    case "enum": {
      const values = new Set(rule.values);
      return (value) => (values.has(value) ? undefined : "must be one of the allowed values");
    }
    case "string":
      return (value) => {
        if (value.length > rule.maxLength) return `must have at most ${rule.maxLength} characters`;
        return CONTROL.test(value) ? "must not contain control characters" : undefined;
      };
  }
}

function expecting(pattern: RegExp, message: string): Check {
  return (value) => (pattern.test(value) ? undefined : message);
}

function compileInt(min: number, max: number): Check {
  return (value) => {
    if (!INT.test(value) || value === "-0") return "must be a whole number in its shortest form";
    const number = Number(value);
    if (number < min) return `must be at least ${min}`;
    return number > max ? `must be at most ${max}` : undefined;
  };
}

/** All violations in a request's path and query, or undefined. */
export type ParametersCheck = (context: RequestContext) => readonly Violation[] | undefined;

/** The check for one route, or null when nothing is declared. Throws when a rule names no parameter of the path. */
export function compileParameters(route: Route, settings: ContractRoute): ParametersCheck | null {
  const path = compileRules(settings.parameters.path);
  const query = compileRules(settings.parameters.query);
  const names = new Set([...route.template.matchAll(/\{([^:}]+)/g)].map((match) => match[1]));
  for (const { name } of path.values()) {
    if (!names.has(name)) throw new Error(`route ${route.id} has no path parameter "${name}"`);
  }
  const isStrict = settings.query === "strict";
  const looksAtQuery = isStrict || query.size > 0;
  if (path.size === 0 && !looksAtQuery) return null;
  return (context) => {
    const found: Violation[] = [];
    checkPath(path, context.params, found);
    if (looksAtQuery) checkQuery({ rules: query, isStrict }, context.request.url.query, found);
    return found.length > 0 ? found.slice(0, DEFAULT_PARAMETER_VIOLATIONS) : undefined;
  };
}

interface Rule {
  readonly name: string;
  readonly check: Check;
  readonly required: boolean;
}
type Rules = ReadonlyMap<string, Rule>;

function compileRules(declared: Readonly<Record<string, ParameterRule>>): Rules {
  return new Map(
    Object.entries(declared).map(([name, rule]) => [
      name,
      { name, check: compileCheck(rule), required: rule.required },
    ]),
  );
}

function checkPath(rules: Rules, params: RequestContext["params"], found: Violation[]): void {
  for (const { name, check } of rules.values()) {
    const decoded = decode(params[name] ?? "");
    const message = decoded === undefined ? "is not valid UTF-8" : check(decoded);
    if (message !== undefined) found.push({ parameter: name, message });
  }
}

interface QueryRules {
  readonly rules: Rules;
  readonly isStrict: boolean;
}

function checkQuery({ rules, isStrict }: QueryRules, query: string, found: Violation[]): void {
  const parts = query === "" ? [] : query.split("&", DEFAULT_QUERY_PARAMETERS + 1);
  if (parts.length > DEFAULT_QUERY_PARAMETERS) {
    found.push({ message: `the query has more than ${DEFAULT_QUERY_PARAMETERS} parameters` });
    return;
  }
  const seen = new Set<string>();
  for (const part of parts) {
    const message = checkPart(part, { rules, isStrict, seen });
    if (message !== undefined) found.push({ parameter: shownName(part), message });
  }
  for (const { name, required } of rules.values()) {
    if (required && !seen.has(name)) found.push({ parameter: name, message: "is required" });
  }
}

function checkPart(
  part: string,
  { rules, isStrict, seen }: QueryRules & { readonly seen: Set<string> },
): string | undefined {
  const equals = part.indexOf("=");
  const name = decodeForm(equals < 0 ? part : part.slice(0, equals));
  if (name === undefined) return "has a name that is not valid UTF-8";
  const rule = rules.get(name);
  if (!rule) return isStrict ? "is not a parameter of this route" : undefined;
  if (seen.has(name)) return "must not be repeated";
  seen.add(name);
  const value = decodeForm(equals < 0 ? "" : part.slice(equals + 1));
  return value === undefined ? "is not valid UTF-8" : rule.check(value);
}

function shownName(part: string): string {
  const equals = part.indexOf("=");
  const name = equals < 0 ? part : part.slice(0, equals);
  return (decodeForm(name) ?? name).slice(0, SHOWN_NAME_LENGTH).toWellFormed();
}

/** Percent-decoding of application/x-www-form-urlencoded, where a plus is a space; undefined when it is malformed. */
function decodeForm(text: string): string | undefined {
  return decode(text.includes("+") ? text.replaceAll("+", " ") : text);
}

function decode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
