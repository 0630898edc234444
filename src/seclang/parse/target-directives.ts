/** Builds the directives that change or remove rules named elsewhere; whether such rules exist is not asked here. */
import type { ByteString } from "../byte-string.ts";
import type { Directive, TargetUpdate } from "./ast.ts";
import { parseIdRange, parseIdRanges } from "./id-range.ts";
import { shown, type Report } from "./parse-fault.ts";
import type { WrittenDirective } from "./rule-directives.ts";
import { parseVariables } from "./variables.ts";

/** `SecRuleRemoveById ID|FIRST-LAST ...`. */
export function buildRemoveById({ args, at, report }: WrittenDirective): Directive | undefined {
  const ids = parseIdRanges(args.join(" "));
  if (ids !== undefined) return { kind: "SecRuleRemoveById", ids, at };
  report("seclang.value", "SecRuleRemoveById needs rule ids or ranges", {
    hint: "942100 942200-942299",
  });
  return undefined;
}

/** `SecRuleRemoveByTag PATTERN` and `SecRuleRemoveByMsg PATTERN`. */
export function buildRemoveBy(
  kind: "SecRuleRemoveByTag" | "SecRuleRemoveByMsg",
  { args, at, report }: WrittenDirective,
): Directive | undefined {
  const pattern = readPattern(args[0], kind, report);
  return pattern === undefined ? undefined : { kind, pattern, at };
}

/** `SecRuleUpdateTargetById ID|FIRST-LAST ... TARGETS [REPLACED]`. */
export function buildUpdateById({ args, at, report }: WrittenDirective): Directive | undefined {
  const kind = "SecRuleUpdateTargetById";
  const firstTarget = args.findIndex((arg) => parseIdRanges(arg) === undefined);
  const words = firstTarget === -1 ? args : args.slice(0, firstTarget);
  const ids = words.flatMap((word) => parseIdRanges(word) ?? []);
  if (ids.length === 0) {
    const [first = ""] = args;
    const hint = parseIdRange(first.split(":")[0] ?? "") && "a link of a chain cannot be named";
    report("seclang.value", `${kind} needs a rule id, not ${shown(first)}`, { hint });
    return undefined;
  }
  const update = readUpdate(args.slice(words.length), kind, report);
  return update && { kind, ids, ...update, at };
}

/** `SecRuleUpdateTargetByTag PATTERN TARGETS [REPLACED]` and the same by message. */
export function buildUpdateBy(
  kind: "SecRuleUpdateTargetByTag" | "SecRuleUpdateTargetByMsg",
  { args, at, report }: WrittenDirective,
): Directive | undefined {
  const pattern = readPattern(args[0], kind, report);
  const update = readUpdate(args.slice(1), kind, report);
  return pattern === undefined || update === undefined
    ? undefined
    : { kind, pattern, ...update, at };
}

/** WHY an empty pattern is refused: it matches every rule, and would switch off the whole set. */
function readPattern(
  pattern: ByteString | undefined,
  kind: string,
  report: Report,
): ByteString | undefined {
  if (pattern !== undefined && pattern !== "") return pattern;
  report("seclang.value", `${kind} needs a pattern: an empty one would name every rule`);
  return undefined;
}

function readUpdate(
  args: readonly ByteString[],
  kind: string,
  report: Report,
): TargetUpdate | undefined {
  const [targets, old] = args;
  if (targets === undefined || args.length > 2) {
    report("seclang.arguments", `${kind} needs targets and at most one list of replaced ones`);
    return undefined;
  }
  const variables = parseVariables(targets, report);
  if (variables.length === 0) return undefined;
  if (old === undefined) return { variables };
  return { variables, replaced: parseVariables(old, report) };
}
