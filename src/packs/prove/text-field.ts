/**
 * One text of a request: absent, one of the texts written in the packs, or any other. Of the others count the longest written
 * beginning and ending, and which written parts they contain: those are all independent of each other. What a pattern says of
 * other texts is left open: more is taken for possible than is, never less.
 */
import type { FieldName } from "../fields.ts";
import { byUnits, LongestBeginning } from "./longest-beginning.ts";
import { isAlwaysThere } from "./always-there.ts";
import type { Answer } from "./answer.ts";
import { ClassGroup, type ClassEdge } from "./class-group.ts";
import type { TextTest } from "./comparison.ts";
import { FALSE, TRUE, type Diagrams, type Edge } from "./diagram.ts";
import { testKey, type TextNeeds } from "./inventory.ts";
import { textPredicate } from "./text-predicate.ts";

/** One class of texts: a written text itself, or all others whose longest written beginning is `key`. */
export interface TextClass {
  readonly key: string;
  readonly isPoint: boolean;
}

/** The variables of one field that are made after those of its classes. */
export interface TextVariables {
  readonly suffixes: ClassGroup | undefined;
  /** Variables by the part, and by `testKey`. */
  readonly parts: ReadonlyMap<string, number>;
  readonly opaque: ReadonlyMap<string, number>;
}

export class TextField {
  readonly field: FieldName;
  readonly needs: TextNeeds;
  readonly suffixes: readonly string[];
  readonly isThere: Edge;
  readonly #diagrams: Diagrams;
  readonly group: ClassGroup;
  /** In order of their keys; a class of others stands before the text itself. */
  readonly #classes: readonly TextClass[];
  readonly #points = new Map<string, number>();
  readonly #others = new Map<string, TextClass>();
  readonly #longestPrefix: LongestBeginning;
  /** Of texts written backwards. */
  readonly #longestSuffix: LongestBeginning;
  readonly #predicates = new Map<string, (text: string) => boolean>();
  readonly #first: number;
  #variables: TextVariables = { suffixes: undefined, parts: new Map(), opaque: new Map() };

  constructor(diagrams: Diagrams, field: FieldName, needs: TextNeeds) {
    this.field = field;
    this.needs = needs;
    this.suffixes = [...new Set(["", ...needs.suffixes])].sort();
    this.#longestSuffix = new LongestBeginning(this.suffixes.map(backwards));
    this.#diagrams = diagrams;
    this.#first = isAlwaysThere(field) ? 0 : 1;
    const others = [...new Set(["", ...needs.prefixes])].map((key) => ({ key, isPoint: false }));
    const points = Array.from(needs.points, (key) => ({ key, isPoint: true }));
    // Every path begins with a slash: a rule that forgets it is never true.
    const begins = field === "context.req.path" ? "/" : "";
    this.#classes = [...others, ...points]
      .filter(({ key }) => key.startsWith(begins))
      .sort((a, b) => byUnits(a.key, b.key) || Number(a.isPoint) - Number(b.isPoint));
    for (const [at, textClass] of this.#classes.entries())
      if (textClass.isPoint) this.#points.set(textClass.key, at);
      else this.#others.set(textClass.key, textClass);
    this.#longestPrefix = new LongestBeginning(this.#others.keys());
    this.group = new ClassGroup(diagrams, this.#first + this.#classes.length);
    this.isThere = this.#first === 0 ? TRUE : this.group.build([{ at: 0, edge: FALSE }], TRUE);
  }

  get variables(): TextVariables {
    return this.#variables;
  }

  addVariables(variables: TextVariables): void {
    this.#variables = variables;
  }

  test(test: TextTest): Answer {
    return { isThere: this.isThere, holds: this.#holds(test) };
  }

  /** In which class the request's text is; undefined when it has none. */
  classIn(values: Uint8Array): TextClass | undefined {
    return this.#classes[this.group.classOf(values) - this.#first];
  }

  /** The class of a known text; undefined for one that no request can have. */
  classOf(text: string): TextClass | undefined {
    const point = this.#points.get(text);
    if (point !== undefined) return this.#classes[point];
    const prefix = this.#longestPrefix.of(text);
    return prefix === undefined ? undefined : this.#others.get(prefix);
  }

  /** The longest written ending that a text has. */
  suffixOf(text: string): string {
    return backwards(this.#longestSuffix.of(backwards(text)) ?? "");
  }

  /** What a test says of a known text. */
  puts(test: TextTest, text: string): boolean {
    // Patterns read the text, the others only look for one.
    this.#diagrams.spend(test.operator === "MATCHES" ? 1 + text.length : 1);
    const key = testKey(test);
    const predicate = this.#predicates.get(key) ?? textPredicate(test);
    this.#predicates.set(key, predicate);
    return predicate(text);
  }

  #holds(test: TextTest): Edge {
    switch (test.operator) {
      case "IN":
        return this.#isOneOf(test.texts);
      case "STARTS_WITH":
        return this.group.build(this.#startingWith(test.text), FALSE);
      case "ENDS_WITH":
        return this.#byKind(test, { ofOthers: this.#endingWith(test.text) });
      case "CONTAINS":
        return this.#byKind(test, {
          ofOthers: this.#containing(test.text),
          isImplied: (prefix) => prefix.includes(test.text),
        });
      case "MATCHES":
      case "PREFIX_OF":
      case "SUFFIX_OF":
      case "PART_OF":
        return this.#byKind(test, {
          ofOthers: this.#diagrams.variable(this.#variables.opaque.get(testKey(test)) as number),
        });
    }
  }

  #isOneOf(texts: readonly string[]): Edge {
    const places = texts.map((text) => this.#points.get(text)).filter((at) => at !== undefined);
    const rising = [...new Set(places)].sort((a, b) => a - b);
    return this.group.build(
      rising.map((at) => ({ at: this.#first + at, edge: TRUE })),
      FALSE,
    );
  }

  #startingWith(text: string): ClassEdge[] {
    const found: ClassEdge[] = [];
    const from = this.#firstFrom(text);
    for (const [place, { key }] of this.#classes.slice(from).entries()) {
      if (!key.startsWith(text)) break;
      found.push({ at: this.#first + from + place, edge: TRUE });
    }
    return found;
  }

  /** The first class in order whose key is not before the text. */
  #firstFrom(text: string): number {
    let low = 0;
    let high = this.#classes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byUnits((this.#classes[middle] as TextClass).key, text) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Written texts are put to the test; for all others it is `ofOthers`, or true where their beginning implies it. */
  #byKind(
    test: TextTest,
    { ofOthers, isImplied }: { ofOthers: Edge; isImplied?: (prefix: string) => boolean },
  ): Edge {
    const listed: ClassEdge[] = this.#first === 0 ? [] : [{ at: 0, edge: FALSE }];
    for (const [at, { key, isPoint }] of this.#classes.entries()) {
      if (isPoint) listed.push({ at: this.#first + at, edge: this.puts(test, key) ? TRUE : FALSE });
      else if (isImplied?.(key)) listed.push({ at: this.#first + at, edge: TRUE });
    }
    return this.group.build(listed, ofOthers);
  }

  #endingWith(text: string): Edge {
    return this.#suffixesWhere((suffix) => suffix.endsWith(text));
  }

  #suffixesWhere(isMeant: (suffix: string) => boolean): Edge {
    this.#diagrams.spend(this.suffixes.length);
    const listed = this.suffixes
      .map((suffix, at) => ({ at, edge: TRUE, suffix }))
      .filter(({ suffix }) => isMeant(suffix));
    return this.#variables.suffixes?.build(listed, FALSE) ?? (listed.length > 0 ? TRUE : FALSE);
  }

  /** Contained for itself, within a longer part, or within the ending. */
  #containing(text: string): Edge {
    let edge = this.#suffixesWhere((suffix) => suffix.includes(text));
    for (const [part, variable] of this.#variables.parts)
      if (part.includes(text)) edge = this.#diagrams.or(edge, this.#diagrams.variable(variable));
    return edge;
  }
}

function backwards(text: string): string {
  let turned = "";
  for (let at = text.length - 1; at >= 0; at--) turned += text.charAt(at);
  return turned;
}
