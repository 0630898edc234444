/** What of a told request may be a credential, and its removal from whatever an explanation says. When in doubt it takes out. */
import { isSecretField } from "../../telemetry/redaction.ts";
import type { ToldRequest } from "./explain-told.ts";

/** Shorter values would be found everywhere, and a credential that short protects nothing. */
const SHORTEST_CHARS = 6;
const HIDDEN = "[credential]";

/** Removes the credentials of one request from a text. */
export type Hide = (text: string) => string;

export function hiderFor({ rawHeaders, target }: ToldRequest): Hide {
  const found = new Set<string>();
  const add = (value: string): void => {
    // A credential also travels in parts: behind its scheme, or as one of several cookies.
    for (const part of [value, ...value.split(/[\s,;]+/), ...value.split(/[\s,;=]+/)]) {
      const escaped = JSON.stringify(part).slice(1, -1);
      for (const text of [part, escaped]) if (text.length >= SHORTEST_CHARS) found.add(text);
    }
  };
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (isSecretField(rawHeaders[i] as string)) add(rawHeaders[i + 1] as string);
  for (const pair of target.slice(target.indexOf("?") + 1).split("&")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && isSecretField(pair.slice(0, equals))) add(pair.slice(equals + 1));
  }
  // The longest first: a part must not be taken out of a whole that would then stand half.
  const secrets = [...found].filter((text) => !SCHEMES.has(text.toLowerCase()));
  secrets.sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}

const SCHEMES: ReadonlySet<string> = new Set(["bearer", "digest", "negotiate", "apikey"]);
