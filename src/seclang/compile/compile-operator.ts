/** Compiles the operator of a rule; one that depends on the value alone also says by what it can be filtered. */
import type { ByteString } from "../byte-string.ts";
import { detectSqli } from "../detect/sqli/detect-sqli.ts";
import { detectXss } from "../detect/xss/detect-xss.ts";
import { hasMacro } from "../operators/macro-argument.ts";
import { OperatorRefused, type OperatorTools } from "../operators/operator.ts";
import { OPERATORS } from "../operators/table.ts";
import type { Operator } from "../parse/ast.ts";
import { parseMacros } from "../parse/macro.ts";
import type { Report } from "../parse/parse-fault.ts";
import { PatternRefused } from "../regex/pattern-tree.ts";
import { ByteSet, WORD_BYTES } from "../regex/byte-set.ts";
import { compileText, type TextTemplate } from "../transaction/text-template.ts";
import type { PatternSource } from "./pattern-source.ts";

/** What `capture` stores, in the order of TX:0, TX:1, ... */
export type Captures = readonly (ByteString | undefined)[];

export interface RuleOperator {
  readonly isNegated: boolean;
  /** The argument when it holds macros. */
  readonly argument: TextTemplate | undefined;
  readonly test: (value: ByteString, argument: ByteString | undefined) => boolean;
  readonly captures:
    | ((value: ByteString, argument: ByteString | undefined) => Captures)
    | undefined;
  /** Makes what the first value would have to wait for. */
  readonly warm?: () => void;
  /** For the filter: lower case; one of these is in every value that matches. */
  readonly literals?: readonly ByteString[];
  /** For the filter: the same of values from which the marks that shells ignore were taken. */
  readonly bareLiterals?: readonly ByteString[];
  /** For the filter: of each a matching value holds a byte. */
  readonly byteSets?: readonly ByteSet[];
}

export interface OperatorContext {
  readonly report: Report;
  readonly patterns: PatternSource;
  readonly tools: OperatorTools;
}

/** A rule without conditions, SecAction. */
export const ALWAYS: RuleOperator = {
  isNegated: false,
  argument: undefined,
  test: () => true,
  captures: undefined,
};

type Compiled = Omit<RuleOperator, "isNegated">;

/** The operator, or undefined after a fault. */
export function compileOperator(
  operator: Operator,
  context: OperatorContext,
): RuleOperator | undefined {
  try {
    const compiled = compileByName(operator, context);
    return compiled && { ...compiled, isNegated: operator.negated };
  } catch (error) {
    if (!(error instanceof OperatorRefused) && !(error instanceof PatternRefused)) throw error;
    context.report("seclang.operator", `@${operator.name}: ${error.message}`);
    return undefined;
  }
}

function compileByName(operator: Operator, context: OperatorContext): Compiled | undefined {
  const { name, argument } = operator;
  switch (name.toLowerCase()) {
    case "rx":
    case "rxglobal":
      return compileRx(argument, context);
    case "detectsqli":
      return {
        argument: undefined,
        test: (value) => detectSqli(value).isSqli,
        captures: (value) => [detectSqli(value).fingerprint],
        byteSets: [NO_WORD],
      };
    case "detectxss":
      return {
        argument: undefined,
        test: detectXss,
        captures: (value) => [value],
        byteSets: [TAG_OR_VALUE],
      };
    case "validatebyterange":
      return withRefusedBytes(compileFromTable(operator, context));
    default:
      return compileFromTable(operator, context);
  }
}

/** A value of word characters and dots alone is no SQL injection: `detectSqli` says so before anything else. */
const NO_WORD: ByteSet = ByteSet.union([WORD_BYTES, ByteSet.of([0x2e, 0x2e])]).complement();
/** Script is injected in a tag or as the value of an attribute: `detectXss` looks for nothing else. */
const TAG_OR_VALUE: ByteSet = ByteSet.of([0x3c, 0x3c], [0x3d, 0x3d]);
const BYTE_COUNT = 256;

/** An operator that matches as soon as one byte is wrong is filtered by just those bytes. */
function withRefusedBytes(compiled: Compiled | undefined): Compiled | undefined {
  if (compiled === undefined) return undefined;
  const refused = Array.from({ length: BYTE_COUNT }, (_, byte) => byte).filter((byte) =>
    compiled.test(String.fromCharCode(byte), undefined),
  );
  const byteSets = [ByteSet.of(...refused.map((byte) => [byte, byte] as const))];
  return { ...compiled, byteSets };
}

/** A macro in a pattern: a known collection and a key, so that `%{` of an attack pattern stays what it is. */
const PATTERN_MACRO = /%\{(?:tx|ip|global|session|user|resource|request_headers|args)\.[\w-]+\}/i;

/** What rules write to capture a value as it is; nothing need be searched for that. */
const ANYTHING = "^.*$";

function compileRx(argument: ByteString, { patterns, report }: OperatorContext): Compiled {
  if (PATTERN_MACRO.test(argument)) {
    return {
      argument: compileText(parseMacros(argument, report)),
      test: (value, pattern) => patterns.atRunTime(pattern ?? "").test(value),
      captures: (value, pattern) => patterns.atRunTime(pattern ?? "").captures(value),
    };
  }
  if (argument === ANYTHING)
    return { argument: undefined, test: () => true, captures: (value) => [value] };
  const matcher = patterns.matcherOf(argument);
  const { literals, bareLiterals, byteSets } = patterns.conditionsOf(argument);
  return {
    argument: undefined,
    test: (value) => matcher.test(value),
    captures: (value) => matcher.captures(value),
    warm: () => matcher.warm(),
    ...(literals === undefined ? {} : { literals }),
    ...(bareLiterals === undefined ? {} : { bareLiterals }),
    ...(byteSets.length === 0 ? {} : { byteSets }),
  };
}

function compileFromTable(
  { name, argument }: Operator,
  { tools, report }: OperatorContext,
): Compiled | undefined {
  const compile = OPERATORS.get(name.toLowerCase());
  if (compile === undefined) {
    report("seclang.operator", `@${name} is no known operator`);
    return undefined;
  }
  const compiled = compile(argument, tools);
  const isExpanding = compiled.expands === true && hasMacro(argument);
  return {
    argument: isExpanding ? compileText(parseMacros(argument, report)) : undefined,
    test: (value, expanded) => compiled.test(value, expanded),
    ...(isExpanding ? {} : { warm: () => void compiled.test("") }),
    captures: compiled.captures && ((value) => compiled.captures?.(value) ?? []),
    ...(compiled.mandatory === undefined ? {} : { literals: compiled.mandatory.map(lowerCase) }),
  };
}

function lowerCase(text: ByteString): ByteString {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
