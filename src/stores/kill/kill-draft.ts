/** What an operator may ask of a kill switch: checked and brought into one form. It never guesses what was meant. */
import { randomInt } from "node:crypto";
import type { KillDraft, KillScope, KillSwitch } from "./kill-switch-store.ts";

/** An operator asked for something that cannot be done; the text is for them. */
export class KillRequestRefused extends Error {
  override readonly name = "KillRequestRefused";
}

/** The parts of a scope, in the order in which they are shown. */
export const KILL_PARTS = [
  "model",
  "version",
  "route",
  "provider",
  "caller",
  "tenant",
  "key",
  "policy",
] as const satisfies readonly (keyof KillScope)[];

/** As long as the names that credentials may hold; longer ones can match nothing. */
export const MAX_PART_LENGTH = 256;
/** Goes into records of every replica; longer belongs into a ticket that the reason names. */
export const MAX_REASON_LENGTH = 500;
const MAX_AUTHOR_LENGTH = 128;
/** The last moment that RFC 3339 can write. A later one could not be listed, logged or put on record. */
export const LAST_MOMENT_MS = 253_402_300_799_999;
/** Switches that one store holds. Each replica keeps all of them in memory and looks through them at each change. */
export const MAX_SWITCHES = 10_000;

// oxlint-disable-next-line no-control-regex -- controls are what it looks for
const CONTROLS = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/;
const HASH = /^(?:b3:)?([0-9a-f]{64})$/i;

/** No letters and digits that are taken for one another. */
const ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";
/** 31^8 is about 10^12: two of ten thousand switches share an id once in 20,000 such stores. */
const ID_LENGTH = 8;
export const KILL_ID: RegExp = new RegExp(`^[${ID_ALPHABET}]{${ID_LENGTH}}$`);

/** Throws `KillRequestRefused` with what to write instead. */
export function requireSoundDraft(draft: KillDraft, nowMs: number): KillDraft {
  const scope = requireScope(draft.scope);
  const { expiresAtMs, routeTo } = draft;
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > nowMs))
    throw new KillRequestRefused("the expiry lies in the past: give a time to come");
  if (expiresAtMs !== undefined && expiresAtMs > LAST_MOMENT_MS)
    throw new KillRequestRefused("the expiry lies behind the year 9999: leave it out");
  if (routeTo !== undefined) requireRollback(scope, routeTo);
  return {
    scope,
    reason: requireText("reason", draft.reason, MAX_REASON_LENGTH),
    author: requireAuthor(draft.author),
    expiresAtMs,
    routeTo,
  };
}

/** Who gives an order; throws `KillRequestRefused` for what is no name. */
export function requireAuthor(author: string): string {
  return requireText("author", author, MAX_AUTHOR_LENGTH);
}

/** A new switch from a sound draft. Ids are never used twice: one that was taken off stays off. */
export function switchOf(draft: KillDraft, createdAtMs: number): KillSwitch {
  let id = "";
  for (let i = 0; i < ID_LENGTH; i++) id += ID_ALPHABET[randomInt(ID_ALPHABET.length)];
  return Object.freeze({ id, ...draft, scope: Object.freeze(draft.scope), createdAtMs });
}

/** A scope in words, such as `model churn, version v2`. */
export function scopeText(scope: KillScope): string {
  return KILL_PARTS.flatMap((part) => {
    const value = scope[part];
    return value === undefined ? [] : [`${part} ${value}`];
  }).join(", ");
}

function requireScope(scope: KillScope): KillScope {
  const parts = KILL_PARTS.flatMap((part) => {
    const value = scope[part];
    return value === undefined ? [] : [[part, requireName(part, value)] as const];
  });
  if (parts.length === 0)
    throw new KillRequestRefused(
      `say what is to be shut: at least one of ${KILL_PARTS.join(", ")}`,
    );
  const sound: KillScope = Object.fromEntries(parts);
  if (sound.version !== undefined && sound.model === undefined)
    throw new KillRequestRefused("a version is shut together with its model: name the model too");
  const [, hash] = HASH.exec(sound.policy ?? "") ?? [];
  return hash === undefined ? sound : { ...sound, policy: hash.toLowerCase() };
}

/** It is decided before anybody knows who calls, and for a whole version: a part of it cannot be served elsewhere. */
function requireRollback(scope: KillScope, routeTo: string): void {
  const { model, version, ...rest } = scope;
  if (model === undefined || version === undefined || Object.keys(rest).length > 0)
    throw new KillRequestRefused(
      "another version can serve for one model and version: give these two and nothing else",
    );
  requireName("version to route to", routeTo);
  if (routeTo === version)
    throw new KillRequestRefused(`version ${version} cannot serve in its own place`);
}

/** Names are compared letter by letter: one that was copied with a blank would shut nothing, and nobody would know. */
function requireName(what: string, text: string): string {
  requireText(what, text, MAX_PART_LENGTH);
  if (text.trim() !== text)
    throw new KillRequestRefused(`the ${what} begins or ends with a blank: leave it out`);
  return text;
}

function requireText(what: string, text: string, limit: number): string {
  if (typeof text !== "string" || text.trim() === "")
    throw new KillRequestRefused(`the ${what} is empty: give one`);
  if (text.length > limit)
    throw new KillRequestRefused(`the ${what} has more than ${limit} characters`);
  if (CONTROLS.test(text) || !text.isWellFormed())
    throw new KillRequestRefused(`the ${what} holds characters that cannot be printed`);
  return text;
}
