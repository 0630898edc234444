/**
 * Plain English of any length, made of own words: letter frequencies, word lengths and punctuation as people write them,
 * with an apostrophe here and there. The same random numbers give the same text; it means nothing.
 */
import type { Random } from "../generated-pack.ts";

const words = (text: string): readonly string[] => text.split(" ");

/** Little words, the commonest first: they make up half of a text. */
const CONNECTING = words(
  "the of and to a in that it is was for on with as be at by this had not are but from or have an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our me even most made after also did many off before must well back through years much where your way down should because long each just those people how too little good very make world own see men work between life being under never day same another know while last might us great old year come since against go came right used take three",
);
const NOUNS = words(
  "river garden kitchen letter winter harbour market teacher window village morning station engine bridge doctor summer evening paper country mountain island question answer company music office machine number picture story friend family neighbour afternoon weather journey street building valley farmer captain library museum lantern blanket basket carpet candle ladder chimney orchard meadow cottage tunnel railway platform suitcase ticket passenger conductor pavement corner shopkeeper customer delivery parcel invoice account balance payment contract colleague manager meeting report summary chapter paragraph sentence language translation dictionary grammar pronunciation student lecture experiment laboratory measurement temperature pressure volume distance surface material structure foundation ceiling staircase hallway bedroom mirror painting photograph camera newspaper magazine article headline editor reader opinion argument evidence conclusion decision agreement council election minister government budget treasury hospital patient medicine treatment recovery exercise breakfast dinner vegetable potato onion carrot butter cheese bread chicken recipe ingredient flavour restaurant waiter",
);
const VERBS = words(
  "walked carried opened followed remembered noticed explained wondered finished started visited described repaired painted watched listened answered borrowed returned delivered collected measured compared improved reduced increased considered suggested promised refused accepted expected believed understood forgotten written spoken broken chosen brought taught caught thought found kept held left lost paid sent built spent met heard felt told stood began became grew drew threw knew flew wore tore drove rode rose fell reached passed crossed climbed entered joined shared saved planned prepared arranged organised discussed mentioned reported confirmed announced published translated corrected reviewed tested",
);
const DESCRIBING = words(
  "quiet narrow early late heavy bright dark cold warm gentle sudden simple careful ordinary familiar strange distant local public private modern ancient wooden golden empty crowded broad hollow steady patient curious honest cheerful serious difficult comfortable expensive reasonable possible certain probable several recent final northern southern eastern western annual weekly daily obvious useful pleasant terrible wonderful slowly quickly quietly carefully nearly almost usually sometimes rarely perhaps certainly probably finally recently together alone outside upstairs abroad nearby",
);
const SHORTENED = words(
  "don't can't won't it's that's there's isn't wasn't didn't couldn't wouldn't I'm I've we're they'd you'll she's he'd let's o'clock",
);

const pick = (from: readonly string[], random: Random): string =>
  from[random(from.length)] as string;

/** Nearer to the front more often, as words are. */
const pickCommon = (from: readonly string[], random: Random): string =>
  from[Math.min(random(from.length), random(from.length), random(from.length))] as string;

function word(random: Random): string {
  const kind = random(100);
  if (kind < 48) return pickCommon(CONNECTING, random);
  if (kind < 70) return pick(NOUNS, random);
  if (kind < 84) return pick(VERBS, random);
  if (kind < 97) return pick(DESCRIBING, random);
  if (kind < 98) return String(2 + random(2023));
  return pick(SHORTENED, random);
}

function sentence(random: Random): string {
  const length = 6 + random(17);
  let text = "";
  for (let at = 0; at < length; at += 1) {
    text += word(random);
    if (at === length - 1) break;
    const mark = random(60);
    text += mark < 4 ? ", " : mark === 4 ? "; " : mark === 5 ? " - " : " ";
  }
  if (random(14) === 0) text = `"${text}", ${pick(["she", "he", "the teacher"], random)} said`;
  const first = /[a-z]/i.exec(text)?.index ?? 0;
  const end = random(12) === 0 ? (random(2) === 0 ? "?" : "!") : ".";
  return text.slice(0, first) + text.charAt(first).toUpperCase() + text.slice(first + 1) + end;
}

/** Paragraphs of sentences, cut at exactly so many characters, all of them ASCII. */
export function prose(length: number, random: Random): string {
  let text = "";
  while (text.length < length) {
    text += sentence(random);
    text += random(6) === 0 ? "\n\n" : " ";
  }
  return text.slice(0, length);
}

/** A few words without punctuation. */
export function phrase(count: number, random: Random): string {
  return Array.from({ length: count }, () => pick(random(3) ? NOUNS : DESCRIBING, random)).join(
    " ",
  );
}
