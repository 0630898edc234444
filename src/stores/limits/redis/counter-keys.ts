/**
 * Names of counters in Redis: `{prefix}:l:<scope>:<kind>.<unit>:<subject>`. A subject may be any text of a caller's: it can
 * never be written as another's, never reaches into another part of a name, and never makes a long one.
 */
import { hash } from "node:crypto";
import type { KeyPrefix } from "../../redis/redis-link.ts";

/** What stands in a name as it is; a subject that begins with the mark of hashed ones does not. */
const PLAIN_SUBJECT = /^(?!#)[\x21-\x7e]{1,96}$/;
const PLAIN_SCOPE = /^[\w.*/@%=+-]{1,200}$/;
const HASHED = "#";

/** Scopes come from the configuration, so their number is bounded by it, and old ones by this. */
const MAX_SCOPES = 10_000;

export class CounterKeys {
  readonly #prefix: KeyPrefix;
  readonly #scopes = new Map<string, string>();

  /** `prefix` is the hash tag with its braces and colon: `{portcullis}:`. */
  constructor(prefix: KeyPrefix) {
    this.#prefix = prefix;
  }

  /** What the names of all counters of one scope begin with. */
  scope(name: string): string {
    const known = this.#scopes.get(name);
    if (known !== undefined) return known;
    if (this.#scopes.size >= MAX_SCOPES) this.#scopes.clear();
    const start = `${this.#prefix}l:${toScope(name)}:`;
    this.#scopes.set(name, start);
    return start;
  }

  /** Where this process remembers which of its corrections were applied. */
  corrections(owner: string): string {
    return `${this.#prefix}ls:${owner}`;
  }
}

/** Nothing follows the subject, so it may hold any character that a name may. */
export const toSubject = (subject: string): string =>
  PLAIN_SUBJECT.test(subject) ? subject : hashed(subject);

// Without a colon: the end of the scope is the first colon, whatever the subject is.
function toScope(scope: string): string {
  const escaped = scope.replaceAll("%", "%25").replaceAll(":", "%3A");
  return PLAIN_SCOPE.test(escaped) ? escaped : hashed(scope);
}

// UTF-16 keeps texts apart that UTF-8 would write the same way: those with half a character in them.
const hashed = (text: string): string =>
  `${HASHED}${hash("sha256", Buffer.from(text, "utf16le"), "base64url")}`;
