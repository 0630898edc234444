/** What is remembered of a text is what the text says; a change, another name or a fault is never hidden by it. */
import { expect, test } from "vitest";
import { parseSecLang } from "../parse/parse-seclang.ts";
import { ParsedTexts } from "./parsed-texts.ts";

const TEXT = `SecRule ARGS|!ARGS:/^x\\d/ "@rx (?i)\xe9|a" "id:1,phase:2,deny,msg:'%{TX.a}',setvar:tx.a=+1"
SecMarker END`;
const SOURCE = { file: "a.conf", text: TEXT };

/** Read by an earlier load, and kept as the cache keeps it. */
function remembering(...sources: (typeof SOURCE)[]): ParsedTexts {
  const earlier = new ParsedTexts();
  for (const source of sources) earlier.parse(source);
  return new ParsedTexts(JSON.parse(JSON.stringify(earlier.texts)));
}

test("a text that is known says the same", () => {
  const texts = remembering(SOURCE);
  expect(texts.parse(SOURCE)).toStrictEqual(parseSecLang(SOURCE));
  expect(texts.isUnchanged).toBe(true);
});

test.each([
  ["of another byte", { ...SOURCE, text: TEXT.replace("id:1", "id:2") }],
  ["under another name", { ...SOURCE, file: "b.conf" }],
  ["that is cut off", { ...SOURCE, text: TEXT.slice(0, TEXT.indexOf("\n")) }],
])("a text %s is read anew", (_, source) => {
  const texts = remembering(SOURCE);
  expect(texts.parse(source)).toStrictEqual(parseSecLang(source));
  expect(texts.isUnchanged).toBe(false);
});

test("a text that is not read any more is forgotten", () => {
  const other = { file: "b.conf", text: "SecMarker B" };
  const texts = remembering(SOURCE, other);
  texts.parse(other);
  expect(texts.isUnchanged).toBe(false);
  expect(texts.texts).toHaveLength(1);
});

test("a fault is told every time", () => {
  const broken = { file: "a.conf", text: `SecMarker A\nSecRule ARGS "@nothing" "id:1"` };
  const texts = remembering(broken);
  expect(texts.texts).toEqual([]);
  for (let time = 0; time < 2; time++)
    expect(texts.parse(broken).faults).toMatchObject([{ file: "a.conf", line: 2 }]);
});
