/** Judges what an operator asks of a new key. A draft that passes here can be compared, logged and listed safely. */
import { isIP } from "node:net";
import { DEFAULT_KEY_LIFETIME_MS, KeyRequestRefused, type KeyDraft } from "./key-store.ts";

const MIN_LIFETIME_MS = 1_000;
/** Ten years. There is no key without an end: it would outlive everyone who knows why it exists. */
export const MAX_LIFETIME_MS: number = 3_650 * 86_400_000;
const MAX_TEXT_LENGTH = 128;
const MAX_ITEMS = 256;

/** Printable, no white space at the ends: what is compared in grants and read in logs. */
const TEXT = /^[^\p{C}\p{Z}](?:[^\p{C}]*[^\p{C}\p{Z}])?$/u;
/** RFC 6749 section 3.3, scope-token: printable ASCII without space, quotation mark and backslash. */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

export type SoundDraft = Omit<Required<KeyDraft>, "lifetimeMs"> & { readonly expiresAtMs: number };

/** Fills in the defaults. Throws `KeyRequestRefused` with the first thing that is wrong. */
export function requireSoundDraft(draft: KeyDraft, nowMs: number): SoundDraft {
  const { notBeforeMs } = draft;
  if (notBeforeMs !== undefined && !Number.isSafeInteger(notBeforeMs))
    throw new KeyRequestRefused("not-before is not a time");
  return {
    name: requireText("name", draft.name),
    owner: requireText("owner", draft.owner),
    tenant: draft.tenant === undefined ? undefined : requireText("tenant", draft.tenant),
    tier: draft.tier === undefined ? undefined : requireText("tier", draft.tier),
    scopes: requireTokens("scope", draft.scopes),
    permissions: requireTokens("permission", draft.permissions),
    groups: requireTokens("group", draft.groups),
    roles: requireTokens("role", draft.roles),
    addresses: requireNetworks(draft.addresses),
    notBeforeMs,
    expiresAtMs: expiryOf(draft.lifetimeMs, Math.max(nowMs, notBeforeMs ?? 0)),
  };
}

/** When a key made now ends. */
export function expiryOf(lifetimeMs: number = DEFAULT_KEY_LIFETIME_MS, fromMs: number): number {
  if (!(lifetimeMs >= MIN_LIFETIME_MS && lifetimeMs <= MAX_LIFETIME_MS))
    throw new KeyRequestRefused("the lifetime must be between 1 second and 3650 days");
  return Math.trunc(fromMs + lifetimeMs);
}

function requireText(what: string, text: string): string {
  if (text.length > MAX_TEXT_LENGTH || !TEXT.test(text) || text !== text.normalize("NFC")) {
    throw new KeyRequestRefused(
      `the ${what} must be 1 to ${MAX_TEXT_LENGTH} printable characters, no space at either end`,
    );
  }
  return text;
}

function requireTokens(what: string, tokens: readonly string[] = []): readonly string[] {
  if (tokens.length > MAX_ITEMS) throw new KeyRequestRefused(`more than ${MAX_ITEMS} ${what}s`);
  for (const token of tokens) {
    if (token.length > MAX_TEXT_LENGTH || !TOKEN.test(token)) {
      throw new KeyRequestRefused(
        `a ${what} must be 1 to ${MAX_TEXT_LENGTH} ASCII characters without spaces, " and \\`,
      );
    }
  }
  return [...new Set(tokens)];
}

function requireNetworks(networks: readonly string[] = []): readonly string[] {
  if (networks.length > MAX_ITEMS) throw new KeyRequestRefused(`more than ${MAX_ITEMS} networks`);
  for (const network of networks) {
    const [address = "", prefix = "0", more] = network.split("/");
    const family = isIP(address);
    const bits = /^(?:0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : Infinity;
    if (family === 0 || address.includes("%") || more !== undefined || bits > widthOf(family))
      throw new KeyRequestRefused(`"${network}" is not a network such as 10.0.0.0/8`);
  }
  return [...new Set(networks)];
}

const widthOf = (family: number): number => (family === 4 ? 32 : 128);
