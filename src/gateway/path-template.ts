/**
 * Path templates: `/churn/v2/predict`, `/causal/{model:slug}/explain`, `/core/**`. Parsed once at load; two templates
 * that could match one path are found here, so that no request ever depends on the order of routes.
 */

/** What a typed parameter accepts; matched against the canonical segment, which never contains an encoded slash. */
export const PARAMETER_TYPES = {
  slug: /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/,
  int: /^(?:0|[1-9][0-9]{0,17})$/,
  uuid: /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/,
  string: /^[^/]{1,256}$/,
} as const;

export type ParameterType = keyof typeof PARAMETER_TYPES;

export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string; readonly type: ParameterType };

export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** Ends in `/**`: any path below, at least one segment deeper. */
  readonly isOpen: boolean;
}

const LITERAL = /^[A-Za-z0-9._~!$&'()*+,;=:@-]+$/;
const PARAMETER = /^\{([a-z][A-Za-z0-9_]*)(?::([a-z]+))?\}$/;

/** Parses a template; throws with a message that says what to write instead. */
export function parseTemplate(text: string): PathTemplate {
  if (!text.startsWith("/")) throw new Error(`a path starts with "/"; write "/${text}"`);
  const isOpen = text.endsWith("/**");
  const closed = isOpen ? text.slice(0, -3) : text;
  const parts = closed === "" || closed === "/" ? [] : closed.slice(1).split("/");
  const names = new Set<string>();
  const segments = parts.map((part) => parseSegment(part, names));
  return { text, segments, isOpen };
}

function parseSegment(part: string, names: Set<string>): Segment {
  if (part === "") throw new Error("an empty segment; remove the doubled or trailing slash");
  if (part === "." || part === "..") throw new Error("a path has no dot segments");
  const parameter = PARAMETER.exec(part);
  if (parameter) {
    const [, name = "", type = "string"] = parameter;
    if (!Object.hasOwn(PARAMETER_TYPES, type)) {
      throw new Error(
        `unknown parameter type "${type}"; known: ${Object.keys(PARAMETER_TYPES).join(", ")}`,
      );
    }
    if (names.has(name)) throw new Error(`parameter "${name}" occurs twice`);
    names.add(name);
    return { kind: "parameter", name, type: type as ParameterType };
  }
  if (!LITERAL.test(part) || part.includes("**")) {
    throw new Error(
      `"${part}" is neither a literal segment nor "{name:type}"; "**" may only stand at the end`,
    );
  }
  return { kind: "literal", text: part };
}

/** Whether some path could match both. Errs on the side of yes. */
export function mayOverlap(a: PathTemplate, b: PathTemplate): boolean {
  const shared = Math.min(a.segments.length, b.segments.length);
  for (let i = 0; i < shared; i++) {
    if (!segmentsMayMeet(a.segments[i] as Segment, b.segments[i] as Segment)) return false;
  }
  const longer = a.segments.length - b.segments.length;
  if (longer === 0) return a.isOpen === b.isOpen;
  return longer > 0 ? b.isOpen : a.isOpen;
}

function segmentsMayMeet(a: Segment, b: Segment): boolean {
  if (a.kind === "literal" && b.kind === "literal") return a.text === b.text;
  if (a.kind === "literal")
    return PARAMETER_TYPES[(b as { type: ParameterType }).type].test(a.text);
  if (b.kind === "literal") return PARAMETER_TYPES[a.type].test(b.text);
  const types = new Set([a.type, b.type]);
  return !(types.has("int") && types.has("uuid"));
}
