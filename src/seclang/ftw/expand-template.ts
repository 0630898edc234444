/** The one call of Go's template language that regression tests use, for values too long to write; nothing else of it is run. */
import type { ByteString } from "../byte-string.ts";

const REPEAT = /\{\{-?\s*"([^"\\{}]*)"\s*\|\s*repeat\s+(\d{1,7})\s*-?\}\}/g;

/** What a file could make of a few bytes otherwise: 10 MB hold any body limit that a test wants to pass. */
const EXPANDED_LIMIT_BYTES = 10_000_000;

/** `{{ "1" | repeat 64200 }}` written out; undefined when another template, or too much, is asked for. */
export function expandTemplate(text: ByteString): ByteString | undefined {
  if (!text.includes("{{")) return text;
  if (text.replace(REPEAT, "").includes("{{")) return undefined;
  let length = text.length;
  for (const [, part = "", times] of text.matchAll(REPEAT)) length += part.length * Number(times);
  if (length > EXPANDED_LIMIT_BYTES) return undefined;
  return text.replace(REPEAT, (_call, part: string, times: string) => part.repeat(Number(times)));
}
