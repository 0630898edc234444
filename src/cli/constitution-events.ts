/**
 * What happens to the constitution, told to whoever has to know: all of it goes on the ledger, and into the log by how
 * much it concerns whoever is on call.
 */
import type { GatewayLedger } from "../gateway/journal/gateway-ledger.ts";
import type { BreakGlassEvent } from "../packs/panic/break-glass-event.ts";
import type { ConstitutionEvent } from "../packs/life/constitution-event.ts";
import type { Log } from "../telemetry/log.ts";

export interface ConstitutionHearers {
  readonly log: Pick<Log, "info" | "warn" | "error"> | undefined;
  readonly ledger: Pick<GatewayLedger, "administered"> | undefined;
}

type Loudness = "info" | "warn" | "error";

const PACK_EVENTS: Readonly<
  Record<ConstitutionEvent["kind"], { readonly loudness: Loudness; readonly text: string }>
> = {
  state_created: { loudness: "warn", text: "no memory of earlier packs; it begins now" },
  activated: { loudness: "info", text: "a pack is active" },
  candidate: { loudness: "info", text: "a candidate is in shadow" },
  canary: { loudness: "warn", text: "a candidate decides for a share of the requests" },
  promoted: { loudness: "warn", text: "the candidate is the active pack now" },
  rolled_back: { loudness: "warn", text: "the previous pack is active again" },
  dropped: { loudness: "info", text: "a candidate was dropped" },
  refused: { loudness: "error", text: "a pack was refused; what served before still serves" },
  expiring: { loudness: "warn", text: "the active pack will expire" },
  expired: { loudness: "error", text: "a pack has expired" },
  acknowledgement_unused: {
    loudness: "warn",
    text: "the configuration acknowledges findings that no pack has",
  },
  files_behind: { loudness: "warn", text: "the pack's files are not those of the active pack yet" },
  files_written: { loudness: "info", text: "the pack's files are those of the active pack" },
  state_unsynced: { loudness: "warn", text: "the state of the packs may be lost with the power" },
};

const BREAK_GLASS_EVENTS: Readonly<
  Record<BreakGlassEvent["kind"], { readonly loudness: Loudness; readonly text: string }>
> = {
  started: { loudness: "error", text: "BREAK-GLASS IS ON" },
  resumed: { loudness: "error", text: "BREAK-GLASS IS STILL ON after a restart" },
  used: { loudness: "warn", text: "break-glass was used" },
  ended: { loudness: "warn", text: "break-glass has ended" },
  refused: { loudness: "warn", text: "a break-glass was refused" },
};

export function tellPackEvent(
  { log, ledger }: ConstitutionHearers,
  event: ConstitutionEvent,
): void {
  const { kind, ...rest } = event;
  const { loudness, text } = PACK_EVENTS[kind];
  log?.[loudness](text, { event: kind, ...rest });
  ledger?.administered("pack", { event: kind, ...membersOf(rest) });
}

export function tellBreakGlassEvent(
  { log, ledger }: ConstitutionHearers,
  event: BreakGlassEvent,
): void {
  const { kind, ...rest } = event;
  const { loudness, text } = BREAK_GLASS_EVENTS[kind];
  log?.[loudness](text, { event: kind, ...rest });
  const { state, ...others } = "state" in rest ? rest : { ...rest, state: undefined };
  ledger?.administered("breakglass", { event: kind, ...membersOf({ ...state, ...others }) });
}

/** Members of a ledger line: names in snake case, moments in RFC 3339. Paths say something about the machine: not here. */
function membersOf(event: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(event)) {
    if (name === "path") continue;
    const isMoment = name.endsWith("Ms") && typeof value === "number";
    const key = (isMoment ? name.slice(0, -2) : name).replace(
      /[A-Z]/g,
      (capital) => `_${capital.toLowerCase()}`,
    );
    members[key] = isMoment ? new Date(value).toISOString() : value;
  }
  return members;
}
