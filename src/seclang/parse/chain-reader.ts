/** Follows the chains of one file: a link is marked, and a chain that breaks off is a fault, never a rule that matches too often. */
import type { Action, Directive, Position } from "./ast.ts";
import type { Report } from "./parse-fault.ts";

/** Takes the directives of a file in order. */
export class ChainReader {
  #openHead: Position | undefined;

  /** The directive, as a link if the one before it said `chain`. */
  take(directive: Directive, report: Report): Directive {
    const isChained = this.#openHead !== undefined;
    if (directive.kind !== "SecRule") {
      if (isChained)
        report("seclang.chain", `a chain is open: SecRule must follow, not ${directive.kind}`);
      this.#openHead = undefined;
      return directive;
    }
    if (isChained) checkLink(directive.actions, report);
    this.#openHead = directive.actions.some(({ name }) => name === "chain")
      ? directive.at
      : undefined;
    return isChained ? { ...directive, isChained } : directive;
  }

  /** The rule whose `chain` nothing has followed yet. */
  open(): Position | undefined {
    return this.#openHead;
  }
}

/** WHY: these belong to the chain as a whole, and ModSecurity refuses them on a link, too. */
function checkLink(actions: readonly Action[], report: Report): void {
  for (const action of actions) {
    const isHeadOnly =
      action.class === "disruptive" ||
      ["id", "phase", "skip", "skipAfter", "status"].includes(action.name);
    if (isHeadOnly)
      report("seclang.chain", `${action.name} may stand only on the first rule of a chain`, {
        hint: "move it there",
      });
  }
}
