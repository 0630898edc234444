/**
 * What a store knows of one switch, and which of two records of it counts. A switch that was taken off never comes back:
 * whoever has seen it go off is right against all who have not.
 */
import {
  KILL_ID,
  KILL_PARTS,
  LAST_MOMENT_MS,
  requireAuthor,
  requireSoundDraft,
} from "./kill-draft.ts";
import type { KillScope, KillSwitch } from "./kill-switch-store.ts";

export interface KillEntry {
  readonly killSwitch: KillSwitch;
  /** When it was put on or, later, taken off; by the clock of the machine where that was done. */
  readonly changedAtMs: number;
  /** There once it is off. Kept, so that stores which have not heard of it do not bring the switch back. */
  readonly off: { readonly atMs: number; readonly by: string } | undefined;
}

/** Whether `heard` says more than what is known: union by id, and off wins over on. */
export function isNews(heard: KillEntry, known: KillEntry | undefined): boolean {
  return known === undefined || (heard.off !== undefined && known.off === undefined);
}

/** Off and expired switches are remembered for so long. A replica that was away for longer could bring one back. */
export const MEMORY_MS: number = 90 * 86_400_000;

/** Whether nobody needs to know of it any more. */
export function isForgotten({ killSwitch, off }: KillEntry, nowMs: number): boolean {
  const endedAtMs = Math.min(off?.atMs ?? Infinity, killSwitch.expiresAtMs ?? Infinity);
  return endedAtMs < nowMs - MEMORY_MS;
}

/** Whether the switch holds at that moment. */
export function isInEffect({ killSwitch, off }: KillEntry, nowMs: number): boolean {
  return off === undefined && nowMs < (killSwitch.expiresAtMs ?? Infinity);
}

export function entryText(entry: KillEntry): string {
  return JSON.stringify(entry);
}

/**
 * Undefined when the text was not made by `entryText`, or holds what no operator could have asked for: what cannot be
 * understood, listed or put on record is not acted on.
 */
export function parseEntry(text: string): KillEntry | undefined {
  try {
    const entry = entryOf(JSON.parse(text) as unknown);
    if (entry === undefined) return undefined;
    // Whatever the time is now: of one that has expired, too, it has to be known that it was there.
    requireSoundDraft(entry.killSwitch, -Infinity);
    if (entry.off) requireAuthor(entry.off.by);
    return entry;
  } catch {
    return undefined;
  }
}

function entryOf(value: unknown): KillEntry | undefined {
  const { killSwitch, changedAtMs, off } = membersOf(value);
  const { id, scope, reason, author, createdAtMs, expiresAtMs, routeTo } = membersOf(killSwitch);
  const { atMs, by } = membersOf(off);
  const soundScope = scopeOf(membersOf(scope));
  if (typeof id !== "string" || !KILL_ID.test(id) || soundScope === undefined) return undefined;
  if (typeof reason !== "string" || typeof author !== "string") return undefined;
  if (!isMoment(createdAtMs) || !isMoment(changedAtMs)) return undefined;
  if (expiresAtMs !== undefined && !isMoment(expiresAtMs)) return undefined;
  if (routeTo !== undefined && typeof routeTo !== "string") return undefined;
  if (off !== undefined && !(isMoment(atMs) && typeof by === "string")) return undefined;
  return {
    killSwitch: Object.freeze({
      id,
      scope: soundScope,
      reason,
      author,
      createdAtMs,
      expiresAtMs,
      routeTo,
    }),
    changedAtMs,
    off: off === undefined ? undefined : { atMs: atMs as number, by: by as string },
  };
}

/** Undefined for an empty scope too, and for one with parts of a later release: it may mean less than it seems to. */
function scopeOf(members: Readonly<Record<string, unknown>>): KillScope | undefined {
  const names = Object.keys(members);
  const isSound = names.every(
    (name) => (KILL_PARTS as readonly string[]).includes(name) && typeof members[name] === "string",
  );
  return isSound && names.length > 0 ? Object.freeze({ ...members }) : undefined;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

const isMoment = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LAST_MOMENT_MS;
