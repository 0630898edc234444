/** Whether a pack's decisions depend on when it is asked. */
import type { Expression, Pack } from "../pack.ts";
import { partsInUse } from "../prove/reachable-parts.ts";

export function asksForTime(pack: Pack): boolean {
  const { bits } = partsInUse(pack);
  return pack.bits.some(({ id, expression }) => bits.has(id) && hasNow(expression));
}

function hasNow(expression: Expression): boolean {
  switch (expression.kind) {
    case "compare":
      return expression.left.kind === "now" || expression.right.kind === "now";
    case "not":
      return hasNow(expression.of);
    case "and":
    case "or":
      return expression.of.some(hasNow);
    case "field":
    case "literal":
      return false;
  }
}
