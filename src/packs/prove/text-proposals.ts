/** Texts that are as wanted, those first that a reader would expect in such a place. */
import type { FieldName } from "../fields.ts";
import { PatternSearch } from "./pattern-search.ts";
import type { WantedText } from "./wanted-text.ts";

const USUAL: Partial<Record<FieldName, readonly string[]>> = {
  "context.mtls.issuer": ["Some CA"],
  "context.auth.method": ["jwt", "api_key"],
  "context.auth.rp_id": ["login.example"],
  "context.user.id": ["someone", "someone-else"],
  "context.req.path": ["/", "/x"],
  "context.req.method": ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"],
  "context.req.model": ["some-model"],
  "context.req.version": ["v1", "v2"],
  "context.tenant": ["some-tenant"],
  "context.client_id": ["some-client"],
  "context.origin": ["https://app.example"],
};

/** What stands between beginning, parts and ending: something plain, or what no pack writes. */
const FILLERS = ["x", "-", "0", "~", "q7", "\u{e000}", ""];

export class TextProposals {
  readonly #search = new PatternSearch();

  /** At most so many, different from each other; none when none was found. */
  of(wanted: WantedText, limit: number): string[] {
    const { isPoint, key } = wanted.textClass;
    if (isPoint) return wanted.isMetBy(key, { all: true }) ? [key] : [];
    for (const all of [true, false]) {
      const met = new Set<string>();
      for (const text of plainTexts(wanted)) {
        if (wanted.isMetBy(text, { all })) met.add(text);
        if (met.size === limit) break;
      }
      if (met.size > 0) return [...met];
    }
    const found = this.#search.find(wanted);
    return found === undefined ? [] : [found];
  }
}

function* plainTexts({ field, textClass, parts, suffix, tests }: WantedText): Generator<string> {
  yield* USUAL[field.field] ?? [];
  const pieces = [textClass.key, ...parts, suffix];
  const shortest = pieces.reduce(joined);
  if (shortest !== "") yield shortest;
  const made = FILLERS.map((filler) => pieces.join(filler));
  yield* made;
  // Something plain at the very end, and in front where the beginning does not matter.
  for (const filler of FILLERS) for (const text of made) yield* [text + filler, filler + text];
  // Where a written text stands on the left, some beginnings and endings of it.
  for (const { test } of tests)
    if (
      test.operator === "PREFIX_OF" ||
      test.operator === "SUFFIX_OF" ||
      test.operator === "PART_OF"
    )
      yield* [
        test.text.slice(0, 1),
        test.text.slice(1),
        test.text.slice(0, -1),
        test.text.slice(-1),
      ];
}

/** The two texts as one, sharing what the first ends and the second begins with. */
function joined(first: string, second: string): string {
  let shared = Math.min(first.length, second.length);
  while (!first.endsWith(second.slice(0, shared))) shared--;
  return first + second.slice(shared);
}
