/**
 * Literals for patterns that allow for a command being spelled with quotes in it (`c"a"t`): they hold once the marks of
 * such tricks are taken out of the value. What is left out of a pattern here must only ever make it match more.
 */
import type { ByteString } from "../byte-string.ts";
import { ALL_BYTES, ByteSet } from "../regex/byte-set.ts";
import type { Pattern, PatternNode } from "../regex/pattern-tree.ts";
import { requiredLiterals, type RequiredLiterals } from "../regex/required-literals.ts";
import { openScratch, readScratch } from "../transformations/scratch.ts";
import { maskOf, without, type ByteMask } from "./byte-classes.ts";
import type { Effect } from "./chain-effects.ts";

/** What is taken out of values. */
const ERASED = "\"'()[]\\^";
/** Begins a variable, which may expand to nothing: bare literals say nothing of values that hold it. */
const VARIABLE = "$";

export const VARIABLE_MARK: ByteMask = maskOf(VARIABLE);

const setOf = (text: ByteString): ByteSet =>
  ByteSet.of(
    ...Array.from(text, (mark): [number, number] => [mark.charCodeAt(0), mark.charCodeAt(0)]),
  );

const ERASED_SET = setOf(ERASED);
const LOST_SET = setOf(ERASED + VARIABLE);
const IS_ERASED = new Uint8Array(256);
for (const byte of ERASED_SET.bytes()) IS_ERASED[byte] = 1;

/** What `bare` does to a value. */
export const BARE_EFFECT: Effect = {
  triggers: maskOf(ERASED),
  changes: maskOf(ERASED),
  result: (value) => without(value, maskOf(ERASED)),
};

/** The value without the marks. */
export function bare(value: ByteString): ByteString {
  const out = openScratch(value.length);
  let length = 0;
  for (let at = 0; at < value.length; at += 1) {
    const byte = value.charCodeAt(at);
    if (IS_ERASED[byte] === 0) out[length++] = byte;
  }
  return length === value.length ? value : readScratch(out, length);
}

/**
 * Lower-case literals of which each matching value without a `$` contains one, once the marks are taken out. Undefined
 * when there are none, or none that are rarer than the pattern's ordinary ones, which are told if they are known.
 */
export function bareLiterals(
  pattern: Pattern,
  ordinary: { readonly required?: RequiredLiterals | undefined } = {
    required: requiredLiterals(pattern),
  },
): readonly ByteString[] | undefined {
  const root = erase(pattern.root);
  const found = requiredLiterals({ ...pattern, root: root ?? { kind: "empty" } });
  if (found === undefined) return undefined;
  const { required } = ordinary;
  return required === undefined || found.hitRate < required.hitRate ? found.literals : undefined;
}

const EMPTY: PatternNode = { kind: "empty" };

/** The pattern as it is met in bare values; undefined if it can only match with a `$`. */
function erase(node: PatternNode): PatternNode | undefined {
  switch (node.kind) {
    case "bytes":
      return eraseBytes(node.set);
    case "sequence": {
      const items = node.items.map(erase).filter((item) => item !== undefined);
      return items.length < node.items.length ? undefined : { kind: "sequence", items };
    }
    case "alternation": {
      const items = node.items.map(erase).filter((item) => item !== undefined);
      return items.length === 0 ? undefined : { kind: "alternation", items };
    }
    case "repeat": {
      const item = erase(node.item);
      if (item === undefined) return node.min === 0 ? EMPTY : undefined;
      return item.kind === "empty" ? EMPTY : { ...node, item };
    }
    case "capture":
    case "atomic":
      return erase(node.item);
    // Borders move when marks go, and what is looked for beside a match may be gone as well.
    case "empty":
    case "assertion":
    case "look":
      return EMPTY;
    case "reference":
      return node;
  }
}

const erasedSets = new WeakMap<ByteSet, { readonly node: PatternNode | undefined }>();

function eraseBytes(set: ByteSet): PatternNode | undefined {
  const known = erasedSets.get(set) ?? { node: erasedOf(set) };
  erasedSets.set(set, known);
  return known.node;
}

function erasedOf(set: ByteSet): PatternNode | undefined {
  const kept = ByteSet.union([set.complement(), LOST_SET]).complement();
  const isOptional = set.overlaps(ERASED_SET);
  if (!kept.overlaps(ALL_BYTES)) return isOptional ? EMPTY : undefined;
  const item: PatternNode = { kind: "bytes", set: kept };
  return isOptional ? { kind: "repeat", item, min: 0, max: 1, mode: "greedy" } : item;
}
