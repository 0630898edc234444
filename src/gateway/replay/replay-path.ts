/**
 * What a template alone tells about a path: rules about the path that hold, or fail, for every path of the template are
 * decided by it. For the others it changes nothing: the path stays unknown.
 */
import type { Expression, Operand, Pack } from "../../packs/pack.ts";
import type { PathTemplate } from "../path-template.ts";

const PATH = "context.req.path";

/** The pack, with those rules decided. Of a template without parameters the path itself is known, and nothing changes. */
export function withKnownPath(pack: Pack, template: PathTemplate): Pack {
  if (isLiteral(template)) return pack;
  const start = knownStart(template);
  const bits = pack.bits.map((bit) => ({ ...bit, expression: decide(bit.expression, start) }));
  return { ...pack, bits };
}

/** Whether the template is its only path. */
export const isLiteral = ({ segments, isOpen }: PathTemplate): boolean =>
  !isOpen && segments.every(({ kind }) => kind === "literal");

/** What every path of the template begins with. */
function knownStart({ segments }: PathTemplate): string {
  let start = "/";
  for (const segment of segments) {
    if (segment.kind !== "literal") break;
    start += `${segment.text}/`;
  }
  return start;
}

function decide(expression: Expression, start: string): Expression {
  switch (expression.kind) {
    case "literal":
    case "field":
      return expression;
    case "not":
      return { kind: "not", of: decide(expression.of, start) };
    case "and":
    case "or":
      return { kind: expression.kind, of: expression.of.map((part) => decide(part, start)) };
    case "compare": {
      const value = valueOf(expression, start);
      return value === undefined ? expression : { kind: "literal", value };
    }
  }
}

/** Undefined where the template does not tell. */
function valueOf(
  { operator, left, right }: Expression & { readonly kind: "compare" },
  start: string,
): boolean | undefined {
  if (isPath(right)) {
    const isSymmetric = operator === "==" || operator === "!=";
    return isSymmetric ? compare(operator, textsOf(left), start) : undefined;
  }
  return isPath(left) ? compare(operator, textsOf(right), start) : undefined;
}

const isPath = (operand: Operand): boolean => operand.kind === "field" && operand.field === PATH;

/** Texts that are written down; undefined for anything else. */
function textsOf(operand: Operand): readonly string[] | undefined {
  if (operand.kind === "literal" && typeof operand.value === "string") return [operand.value];
  if (operand.kind !== "list") return undefined;
  return operand.values.filter((value) => typeof value === "string");
}

function compare(
  operator: string,
  texts: readonly string[] | undefined,
  start: string,
): boolean | undefined {
  if (texts === undefined) return undefined;
  const mayBe = (text: string): boolean => text.startsWith(start);
  switch (operator) {
    case "==":
    case "IN":
      return texts.some(mayBe) ? undefined : false;
    case "!=":
      return texts.some(mayBe) ? undefined : true;
    case "STARTS_WITH": {
      const [text = ""] = texts;
      if (start.startsWith(text)) return true;
      return text.startsWith(start) ? undefined : false;
    }
    case "CONTAINS": {
      const [text = ""] = texts;
      return start.includes(text) ? true : undefined;
    }
    default:
      return undefined;
  }
}
