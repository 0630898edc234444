/** Compiles what a matching rule does besides deciding: setvar, ctl and their like. What an action names is looked up here, not while matching. */
import type { ByteString } from "../byte-string.ts";
import { lowerName } from "../collections/lower-name.ts";
import { readInteger } from "../operators/number-argument.ts";
import type { Action, Variable } from "../parse/ast.ts";
import type { Report } from "../parse/parse-fault.ts";
import { compileText, constantText } from "../transaction/text-template.ts";
import type {
  EngineMode,
  RemovedTarget,
  TransactionState,
} from "../transaction/transaction-state.ts";
import { isCaptureName, type TxLayout } from "../transaction/tx-variables.ts";
import type { RuleChoice } from "./rule-choice.ts";
import type { RuleIndex } from "./rule-index.ts";
import { compileSelector } from "./selector.ts";

/** Something a rule does when it matched. */
export type Effect = (state: TransactionState) => void;

export interface EffectTools {
  readonly layout: TxLayout;
  readonly report: Report;
  /** All rules of the set. */
  readonly rules: RuleIndex;
}

/** What the Core Rule Set and its plugins call their scores. */
const SCORE = /score/;

type Of<Kind> = Extract<Action, { kind: Kind }>;

/** The effects of the actions, in order. */
export function compileEffects(actions: readonly Action[], tools: EffectTools): readonly Effect[] {
  return actions.flatMap((action) => {
    const effect = compileEffect(action, tools);
    return effect === undefined ? [] : [effect];
  });
}

function compileEffect(action: Action, tools: EffectTools): Effect | undefined {
  switch (action.kind) {
    case "setvar":
      return setVar(action, tools.layout);
    case "ctl":
      return control(action, tools);
    case "initcol": {
      const key = compileText(action.key);
      return (state) => state.openCollection(action.collection, key(state));
    }
    case "expirevar": {
      const name = compileText(action.key);
      const seconds = compileText(action.seconds);
      return (state) =>
        state.expireStored(action.collection, lowerName(name(state)), readInteger(seconds(state)));
    }
    case "setenv": {
      const value = compileText(action.value);
      const name = action.variable;
      if (name.startsWith("!")) return (state) => void state.environment.delete(name.slice(1));
      return (state) => void state.environment.set(name, value(state));
    }
    case "text":
      return openNamedCollection(action);
    case "allow":
    case "flag":
    case "number":
    case "transform":
      return undefined;
  }
}

/** `setsid`, `setuid` and `setrsc` name a collection's key. */
function openNamedCollection({ name, parts }: Of<"text">): Effect | undefined {
  const collection = { setsid: "SESSION", setuid: "USER", setrsc: "RESOURCE" }[name];
  if (collection === undefined) return undefined;
  const key = compileText(parts);
  return (state) => state.openCollection(collection, key(state));
}

function setVar(action: Of<"setvar">, layout: TxLayout): Effect {
  const { collection, key } = action;
  const constantKey = constantText(key);
  if (collection !== "TX") return setStored(action);
  const name = constantKey === undefined ? undefined : lowerName(constantKey);
  if (name === undefined || isCaptureName(name)) return setMade(action);
  return setKnown(action, { name, slot: layout.slotOf(name) });
}

/** A name that the rule spells out, as nearly all are. */
function setKnown(
  { op, value }: Of<"setvar">,
  { name, slot }: { readonly name: ByteString; readonly slot: number },
): Effect {
  const text = compileText(value);
  const isScore = op === "add" && SCORE.test(name);
  if (op === "set") return (state) => state.tx.setSlot(slot, text(state));
  return (state) => {
    const added = text(state);
    state.tx.setSlot(
      slot,
      nextValue(op, added, () => state.tx.atSlot(slot)),
    );
    if (isScore) state.scored(name, readInteger(added));
  };
}

function setMade({ key, op, value }: Of<"setvar">): Effect {
  const [name, text] = [compileText(key), compileText(value)];
  return (state) => {
    const target = lowerName(name(state));
    const added = text(state);
    state.tx.set(
      target,
      nextValue(op, added, () => state.tx.get(target)),
    );
    if (op === "add" && SCORE.test(target)) state.scored(target, readInteger(added));
  };
}

function setStored({ collection, key, op, value }: Of<"setvar">): Effect {
  const [name, text] = [compileText(key), compileText(value)];
  return (state) => {
    const target = lowerName(name(state));
    const next = nextValue(op, text(state), () => state.readStored(collection, target));
    state.writeStored(collection, target, next);
  };
}

/** What the variable holds afterwards; sums count in whole numbers, and what is none counts as 0. */
export function nextValue(
  op: "set" | "add" | "subtract" | "unset",
  text: ByteString,
  current: () => ByteString | undefined,
): ByteString | undefined {
  if (op === "unset") return undefined;
  if (op === "set") return text;
  const before = readInteger(current() ?? "");
  const change = readInteger(text);
  return String(op === "add" ? before + change : before - change);
}

const ENGINE_MODES: Readonly<Record<string, EngineMode>> = {
  On: "on",
  Off: "off",
  DetectionOnly: "detectionOnly",
};

/** Options that change how messages are read; those that only concern log files have no effect here. */
const CONTROLS: Readonly<Record<string, (state: TransactionState, value: ByteString) => void>> = {
  ruleEngine: ({ controls }, value) => {
    controls.engine = ENGINE_MODES[value] ?? controls.engine;
  },
  requestBodyProcessor: ({ controls }, value) => {
    controls.processor = value;
  },
  forceRequestBodyVariable: ({ controls }, value) => {
    controls.isBodyVariableForced = value === "On";
  },
  requestBodyAccess: ({ controls }, value) => {
    controls.hasRequestBodyAccess = value === "On";
  },
  responseBodyAccess: ({ controls }, value) => {
    controls.hasResponseBodyAccess = value === "On";
  },
  requestBodyLimit: ({ controls }, value) => {
    controls.requestBodyLimitBytes = Number(value);
  },
  responseBodyLimit: ({ controls }, value) => {
    controls.responseBodyLimitBytes = Number(value);
  },
};

function control(action: Of<"ctl">, tools: EffectTools): Effect | undefined {
  const { option, value, targets } = action;
  const change = CONTROLS[option];
  if (change !== undefined) return (state) => change(state, value);
  if (!option.startsWith("rule")) return undefined;
  const indexes = indexesOf(choiceOf(action), tools);
  if (targets === undefined)
    return (state) => {
      for (const index of indexes) state.removeRule(index);
    };
  const removal = { rules: new Set(indexes), targets: targets.map(removedTarget) };
  return (state) => state.removeTargets(removal);
}

function choiceOf({ option, value, ids }: Of<"ctl">): RuleChoice {
  if (ids !== undefined) return { by: "id", ids };
  return { by: option.endsWith("Tag") ? "tag" : "message", pattern: value };
}

function indexesOf(choice: RuleChoice, { rules, report }: EffectTools): readonly number[] {
  try {
    return rules.indexesOf(choice);
  } catch (error) {
    report("seclang.value", `ctl: the pattern cannot be read: ${(error as Error).message}`);
    return [];
  }
}

/** What a target of an exclusion takes away. */
export function removedTarget({ name, selector }: Variable): RemovedTarget {
  return { variable: name, member: selector && compileSelector(selector).test };
}
