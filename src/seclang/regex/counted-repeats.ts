/** Repeats for the counted search; each byte and each round that is tried must be counted. */
import type { ByteSet } from "./byte-set.ts";
import { tableOf, type CountedSearch, type Go } from "./counted-search.ts";
import type { PatternNode, Repeat } from "./pattern-tree.ts";
import { nodeCountOf } from "./pattern-width.ts";

/** Single bytes need no calls: the run is measured, and then given back or taken byte by byte. */
export function compileRun(
  search: CountedSearch,
  { min, max, mode, set }: Omit<Repeat, "kind" | "item"> & { readonly set: ByteSet },
  next: Go,
): Go {
  const isIn = tableOf(set);
  const take = (from: number, most: number): number => {
    let place = from;
    const end = Math.min(search.value.length, from + most);
    while (place < end && isIn[search.value.charCodeAt(place)] === 1) {
      search.count();
      place++;
    }
    return place;
  };
  if (mode === "lazy") {
    return (place) => {
      let end = take(place, min);
      if (end < place + min) return false;
      for (;;) {
        search.count();
        if (next(end)) return true;
        if (end - place >= max || isIn[search.value.charCodeAt(end)] !== 1) return false;
        end++;
      }
    };
  }
  return (place) => {
    for (let end = take(place, max); end >= place + min; end--) {
      search.count();
      if (next(end)) return true;
    }
    return false;
  };
}

/** Rounds of anything. `compile` makes what matches one of them and goes on. */
export function compileRounds(
  search: CountedSearch,
  { item, min, max, mode }: Repeat,
  { compile, next }: { readonly compile: (item: PatternNode, next: Go) => Go; readonly next: Go },
): Go {
  const weight = nodeCountOf(item) + 2;
  let [round, begin] = [0, -1];
  const leave: Go = (place) => {
    const [oldRound, oldBegin] = [round, begin];
    if (next(place)) return true;
    [round, begin] = [oldRound, oldBegin];
    return false;
  };
  // A round that took nothing is the last.
  const inner = compile(item, (place) =>
    place === begin && round > min ? leave(place) : again(place),
  );
  const goRound: Go = (place) => {
    const [oldRound, oldBegin] = [round, begin];
    search.count();
    search.nest(weight);
    [round, begin] = [oldRound + 1, place];
    const isMatch = inner(place);
    search.nest(-weight);
    if (!isMatch) [round, begin] = [oldRound, oldBegin];
    return isMatch;
  };
  const again: Go = (place) => {
    if (round < min) return goRound(place);
    if (mode === "lazy") return leave(place) || (round < max && goRound(place));
    return (round < max && goRound(place)) || leave(place);
  };
  return (place) => {
    const [oldRound, oldBegin] = [round, begin];
    [round, begin] = [0, -1];
    if (again(place)) return true;
    [round, begin] = [oldRound, oldBegin];
    return false;
  };
}
