/** Compiles what a rule looks at into data that the interpreter walks; a target that can never exist is a fault, not an empty list. */
import type { ByteString } from "../byte-string.ts";
import { PART } from "../collections/entry.ts";
import type { Variable } from "../parse/ast.ts";
import type { Report } from "../parse/parse-fault.ts";
import { compileSelector, type CompiledSelector, type NameTest } from "./selector.ts";
import { DECLARED_PARTS, partsOf, xmlPartsOf } from "./variable-parts.ts";
import { isCaptureName, SlotChoice, type TxLayout } from "../transaction/tx-variables.ts";

interface TargetBase {
  /** Canonical variable name, as in MATCHED_VAR_NAME. */
  readonly name: string;
  /** Written with `&`: how many there are, as one value. */
  readonly isCount: boolean;
  readonly selector: CompiledSelector | undefined;
  /** Members that `!NAME:...` takes away. */
  readonly excludes: NameTest | undefined;
}

/** One target of a rule. */
export type Target = TargetBase &
  (
    | { readonly kind: "parts"; readonly parts: number }
    /** One TX variable by its slot. */
    | { readonly kind: "tx"; readonly slot: number; readonly key: ByteString }
    /** The TX variables that a pattern names. */
    | { readonly kind: "txSome"; readonly choice: SlotChoice }
    | { readonly kind: "members" }
  );

export interface TargetTools {
  readonly layout: TxLayout;
  readonly report: Report;
  /** Whether the rule was made for input that is no prose: then it leaves prompts alone. */
  readonly isProseProne: boolean;
}

/** The targets of a rule, its exclusions worked in. */
export function compileTargets(
  variables: readonly Variable[],
  tools: TargetTools,
): readonly Target[] {
  const excluded = variables.filter(({ excluded: isOut }) => isOut);
  const targets: Target[] = [];
  for (const variable of variables) {
    if (variable.excluded) continue;
    const own = excluded.filter(({ name }) => name === variable.name);
    // A collection that is excluded as a whole leaves nothing.
    if (own.some(({ selector }) => selector === undefined)) continue;
    const target = compileTarget(variable, { ...tools, excludes: anyOf(own) });
    if (target !== undefined) targets.push(target);
  }
  return targets;
}

function anyOf(excluded: readonly Variable[]): NameTest | undefined {
  const tests = excluded.flatMap(({ selector }) =>
    selector === undefined ? [] : [compileSelector(selector).test],
  );
  if (tests.length === 0) return undefined;
  return (memberName) => tests.some((test) => test(memberName));
}

function compileTarget(
  variable: Variable,
  tools: TargetTools & { readonly excludes: NameTest | undefined },
): Target | undefined {
  const { name, count: isCount, selector } = variable;
  const { excludes } = tools;
  if (name === "XML" || name === "REQUEST_XML") return xmlTarget(variable, tools);
  const base = {
    name,
    isCount,
    selector: selector && compileSelector(selector),
    excludes,
  };
  const parts = partsOf(name);
  if (parts !== undefined) return { ...base, kind: "parts", parts: readParts(variable, tools) };
  const key = base.selector?.key;
  if (name !== "TX" || base.selector === undefined) return { ...base, kind: "members" };
  if (key === undefined)
    return { ...base, kind: "txSome", choice: new SlotChoice(tools.layout, base.selector.test) };
  if (isCaptureName(key)) return { ...base, kind: "members" };
  return { ...base, kind: "tx", slot: tools.layout.slotOf(key), key };
}

/** A rule that names an argument means it, whatever was declared of it; one that reads all leaves declared ones alone. */
function readParts({ name, count, selector }: Variable, { isProseProne }: TargetTools): number {
  const parts = partsOf(name) ?? 0;
  const isGeneral = !count && selector === undefined && (name === "ARGS" || name === "ARGS_POST");
  if (!isGeneral) return parts;
  return (parts & ~DECLARED_PARTS) | (isProseProne ? 0 : PART.prompts);
}

function xmlTarget(
  { count: isCount, selector }: Variable,
  { report, excludes }: TargetTools & { readonly excludes: NameTest | undefined },
): Target | undefined {
  const path = selector?.kind === "xpath" ? selector.path : "/*";
  const parts = xmlPartsOf(path);
  if (parts === undefined) {
    report("seclang.selector", `XML:${path} is not supported`, { hint: "XML:/* or XML://@*" });
    return undefined;
  }
  return { kind: "parts", parts, name: "XML", isCount, selector: undefined, excludes };
}
