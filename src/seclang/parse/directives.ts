/** Turns the words of one logical line into a directive; an unknown directive is a fault, as it may have been the one that mattered. */
import type { ByteString } from "../byte-string.ts";
import type { Directive } from "./ast.ts";
import { nearestName } from "./nearest-name.ts";
import { shown } from "./parse-fault.ts";
import {
  buildAction,
  buildActionUpdate,
  buildDefaultAction,
  buildRule,
  type WrittenDirective,
} from "./rule-directives.ts";
import { SETTINGS, type SettingRow } from "./setting-table.ts";
import {
  buildRemoveBy,
  buildRemoveById,
  buildUpdateBy,
  buildUpdateById,
} from "./target-directives.ts";

interface DirectiveRow {
  readonly name: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  readonly build: (written: WrittenDirective) => Directive | undefined;
}

/** Ids that one directive may list: more than a set has rules would be a mistake. */
const MANY_IDS = 1000;

/** PATH_MAX of Linux: a longer path names no file, and matching a pattern takes quadratic time. */
const LIMIT_PATH_BYTES = 4096;

const directive = (
  name: string,
  [minArgs, maxArgs]: readonly [number, number],
  build: DirectiveRow["build"],
): DirectiveRow => ({ name, minArgs, maxArgs, build });

const rows: readonly DirectiveRow[] = [
  directive("SecRule", [2, 3], buildRule),
  directive("SecAction", [1, 1], buildAction),
  directive("SecDefaultAction", [1, 1], buildDefaultAction),
  directive("SecMarker", [1, 1], ({ args, at, report }) => {
    const name = args[0] ?? "";
    if (name === "") report("seclang.value", "SecMarker needs a name");
    return { kind: "SecMarker", name, at };
  }),
  directive("SecComponentSignature", [1, 1], ({ args, at }) => ({
    kind: "SecComponentSignature",
    text: args[0] ?? "",
    at,
  })),
  directive("Include", [1, 1], (written) => buildInclude(written, false)),
  directive("IncludeOptional", [1, 1], (written) => buildInclude(written, true)),
  directive("SecRuleRemoveById", [1, MANY_IDS], buildRemoveById),
  directive("SecRuleRemoveByTag", [1, 1], (w) => buildRemoveBy("SecRuleRemoveByTag", w)),
  directive("SecRuleRemoveByMsg", [1, 1], (w) => buildRemoveBy("SecRuleRemoveByMsg", w)),
  directive("SecRuleUpdateTargetById", [2, MANY_IDS], buildUpdateById),
  directive("SecRuleUpdateTargetByTag", [2, 3], (w) =>
    buildUpdateBy("SecRuleUpdateTargetByTag", w),
  ),
  directive("SecRuleUpdateTargetByMsg", [2, 3], (w) =>
    buildUpdateBy("SecRuleUpdateTargetByMsg", w),
  ),
  directive("SecRuleUpdateActionById", [2, 2], buildActionUpdate),
];

const DIRECTIVES: ReadonlyMap<string, DirectiveRow> = new Map(
  rows.map((row) => [row.name.toLowerCase(), row] as const),
);

/** The directive a line holds, or undefined after a fault. Names do not depend on letter case. */
export function buildDirective(name: ByteString, written: WrittenDirective): Directive | undefined {
  const { report, args } = written;
  const row = DIRECTIVES.get(name.toLowerCase());
  if (row !== undefined) return hasArity(row, written) ? row.build(written) : undefined;
  const known = SETTINGS.get(name.toLowerCase());
  if (known !== undefined) return buildSetting(known, written);
  const hint = name.startsWith("<")
    ? "containers of the web server are not read: keep the directives inside and leave out the container"
    : () =>
        nearestName(
          name,
          [...rows, ...SETTINGS.values()].map((each) => each.name),
        );
  report("seclang.directive", `${shown(name)} is no known directive (${args.length} arguments)`, {
    hint,
  });
  return undefined;
}

function buildInclude(
  { args, at, report }: WrittenDirective,
  isOptional: boolean,
): Directive | undefined {
  const path = args[0] ?? "";
  if (path !== "" && path.length <= LIMIT_PATH_BYTES && !path.includes("\0"))
    return { kind: "Include", path, isOptional, at };
  report("seclang.value", `Include needs a path of at most ${LIMIT_PATH_BYTES} bytes`);
  return undefined;
}

function buildSetting(row: SettingRow, written: WrittenDirective): Directive | undefined {
  const { args, at, report } = written;
  if (row.refused !== undefined) {
    report("seclang.refused", `${row.name} is not accepted: ${row.refused}`);
    return undefined;
  }
  if (!hasArity(row, written)) return undefined;
  const canonical = args.map((arg) => checked(arg, row));
  const wrong = canonical.indexOf(undefined);
  if (wrong !== -1) {
    const hint = Array.isArray(row.check) ? `one of ${row.check.join(", ")}` : undefined;
    report("seclang.value", `${row.name} does not take ${shown(args[wrong] ?? "")}`, { hint });
    return undefined;
  }
  const values = canonical.filter((arg) => arg !== undefined);
  return { kind: "setting", name: row.name, args: values, isIgnored: row.isIgnored, at };
}

/** The argument in the table's spelling, or undefined if it is not allowed. */
function checked(arg: ByteString, { check }: SettingRow): ByteString | undefined {
  if (check === "any") return arg;
  if (check instanceof RegExp) return check.test(arg) ? arg : undefined;
  return check.find((allowed) => allowed.toLowerCase() === arg.toLowerCase());
}

function hasArity(
  row: { readonly name: string; readonly minArgs: number; readonly maxArgs: number },
  { args, report }: WrittenDirective,
): boolean {
  if (args.length >= row.minArgs && args.length <= row.maxArgs) return true;
  const range = row.minArgs === row.maxArgs ? `${row.minArgs}` : `${row.minArgs} to ${row.maxArgs}`;
  report("seclang.arguments", `${row.name} takes ${range} arguments, not ${args.length}`, {
    hint: args.length > row.maxArgs ? "an argument with spaces needs quotes" : undefined,
  });
  return false;
}
