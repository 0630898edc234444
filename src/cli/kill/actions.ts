/** What `portcullis kill on`, `off` and `list` do, and what they say of it. */
import type { KillView } from "../../admin/kill-pages.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { KILL_PARTS, scopeText } from "../../stores/kill/kill-draft.ts";
import { EXIT_DISPROVEN, EXIT_UNKNOWN } from "../ledger/exit.ts";
import { operatorName } from "../operator-name.ts";
import { plain } from "../pack/operator-call.ts";
import type { KillOptions, OnOptions } from "./kill-options.ts";
import { KillRefused, openKillTarget, type KillTarget } from "./kill-target.ts";

export async function killOn(options: OnOptions): Promise<void> {
  const { for: forMs, until, reason, routeTo } = options;
  if (forMs !== undefined && until !== undefined) {
    refuse("give --for or --until, not both");
    return;
  }
  await withTarget(options, async (target) => {
    const { view, warnings } = await target.on({
      scope: Object.fromEntries(
        KILL_PARTS.flatMap((part) => {
          const value = options[part];
          return value === undefined ? [] : [[part, value]];
        }),
      ),
      reason,
      author: whoever(options),
      expiresAtMs: forMs === undefined ? until : SYSTEM_CLOCK.nowMs() + forMs,
      routeTo,
    });
    if (options.json) console.log(JSON.stringify({ ...view, warnings }));
    else console.log(`on ${rowOf(view).join("  ")}`);
    for (const warning of warnings) console.error(`warning: ${plain(warning)}`);
  });
}

export async function killOff(id: string, options: KillOptions): Promise<void> {
  await withTarget(options, async (target) => {
    await target.off(id, whoever(options));
    console.log(options.json ? JSON.stringify({ id }) : `off ${id}`);
  });
}

export async function listKills(options: KillOptions): Promise<void> {
  await withTarget(options, async (target) => {
    const views = await target.list();
    if (options.json) console.log(JSON.stringify(views));
    else if (views.length === 0) console.log("no kill switches");
    else for (const line of tableOf(views)) console.log(line);
  });
}

async function withTarget(
  options: KillOptions,
  act: (target: KillTarget) => Promise<void>,
): Promise<void> {
  const target = await openKillTarget(options);
  try {
    await act(target);
    const trouble = await target.trouble();
    if (trouble === undefined) return;
    console.error(`warning: ${trouble}`);
    process.exitCode = EXIT_UNKNOWN;
  } catch (error) {
    if (!(error instanceof KillRefused)) throw error;
    refuse(error.message);
  } finally {
    await target.close();
  }
}

function refuse(message: string): void {
  console.error(`refused: ${plain(message)}`);
  process.exitCode = EXIT_DISPROVEN;
}

/** Who gives the command, where nothing else is said. */
const whoever = ({ by }: KillOptions): string => by ?? operatorName();

const HEADINGS = ["id", "shut", "until", "by", "since", "reason"];

function tableOf(views: readonly KillView[]): string[] {
  const rows = [HEADINGS, ...views.map(rowOf)];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** What comes from other machines is for a terminal here. */
function rowOf({ id, scope, reason, author, created, expires, route_to: routeTo }: KillView) {
  const shut = scopeText(scope) + (routeTo === null ? "" : ` -> ${routeTo}`);
  return [id, shut, minute(expires) ?? "taken off", author, minute(created) ?? "", reason].map(
    plain,
  );
}

const minute = (moment: string | null): string | undefined =>
  moment === null ? undefined : `${moment.slice(0, 16)}Z`;
