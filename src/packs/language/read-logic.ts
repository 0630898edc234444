/** The language of bits: a rule's text to its expression, or to all that is wrong with it. It never throws. */
import { checkTypes, type Checked } from "./check-types.ts";
import { LogicRefused } from "./logic-fault.ts";
import { parseLogic } from "./parse-logic.ts";

export function readLogic(text: string): Checked {
  try {
    return checkTypes(parseLogic(text));
  } catch (error) {
    if (error instanceof LogicRefused) return { faults: [error.fault] };
    throw error;
  }
}
