/** What an output does: `HTTP <status>`, then text for people, in which `LogLine(... reason: word ...)` names the reason. */
import type { Output } from "../pack.ts";
import type { Findings } from "./findings.ts";
import type { PlacedText } from "./mapping.ts";

/** Characters of an action. */
const ACTION_LIMIT = 1_024;
const ACTION = /^HTTP ([0-9]{3})(?: *\+ *(\S.*))?$/s;
const LOG_LINE = /\bLogLine\(([^()]*)\)/;
/** A label of metrics. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9_]{0,63}$/;
const DENY_STATUSES: readonly number[] = [403, 429];

type Action = Pick<Output, "status" | "reason" | "action">;

export function readAction(
  placed: PlacedText | undefined,
  output: Pick<Output, "id" | "effect">,
  findings: Findings,
): Action | undefined {
  if (!placed) return undefined;
  const { text: action, origin } = placed;
  const parts = action.length > ACTION_LIMIT ? null : ACTION.exec(action);
  if (!parts) {
    findings.add(origin, {
      code: "pack.bad_action",
      message: "an action is 'HTTP <status>', then '+' and text for people",
      hint: `for example "HTTP ${output.effect === "allow" ? 200 : 403} + LogLine(reason: policy)"`,
    });
    return undefined;
  }
  const status = Number(parts[1]);
  if (!isStatusOf(output.effect, status)) {
    const allowed = output.effect === "allow" ? "2xx" : DENY_STATUSES.join(" or ");
    const message = `the status of an output that begins with ${output.effect}_ is ${allowed}`;
    findings.add(origin, { code: "pack.bad_status", message });
  }
  const reason = reasonIn(parts[2] ?? "") ?? output.id.slice(output.effect.length + 1);
  if (WORD.test(reason)) return { status, reason, action };
  findings.add(origin, {
    code: "pack.bad_reason",
    message: "the reason is not one word",
    hint: "up to 64 letters, digits and underscores (ASCII), the first no underscore",
  });
  return undefined;
}

function isStatusOf(effect: Output["effect"], status: number): boolean {
  return effect === "allow" ? status >= 200 && status <= 299 : DENY_STATUSES.includes(status);
}

function reasonIn(text: string): string | undefined {
  const parameters = LOG_LINE.exec(text)?.[1]?.split(",") ?? [];
  for (const parameter of parameters) {
    const [name = "", ...value] = parameter.split(":");
    if (name.trim() === "reason" && value.length > 0) return value.join(":").trim();
  }
  return undefined;
}
