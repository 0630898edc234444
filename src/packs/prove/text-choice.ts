/** Texts and lists of one request that are as an assignment says, and are to each other what it says. */
import type { FieldName } from "../fields.ts";
import type { Relation } from "./comparison.ts";
import type { Assignment } from "./diagram.ts";
import type { RequestModel } from "./request-model.ts";
import { TextProposals } from "./text-proposals.ts";
import { WantedText } from "./wanted-text.ts";

export interface ChosenTexts {
  readonly texts: ReadonlyMap<FieldName, string>;
  readonly lists: ReadonlyMap<FieldName, readonly string[]>;
}

type Lists = Map<FieldName, string[]>;

interface WantedRelation {
  readonly relation: Exclude<Relation, { kind: "order" }>;
  readonly holds: boolean;
}

/** Proposals for a text that is compared with another field. */
const PROPOSAL_LIMIT = 4;
/** Combinations tried where fields are compared with each other. */
const COMBINATION_LIMIT = 1_000;

export class TextChoice {
  readonly #model: RequestModel;
  readonly #proposals = new TextProposals();

  constructor(model: RequestModel) {
    this.#model = model;
  }

  /** Undefined when none were found. */
  choose(assignment: Assignment): ChosenTexts | undefined {
    const lists: Lists = new Map();
    for (const [field, list] of this.#model.lists) {
      const elements = list.elementsIn(assignment.values);
      if (elements) lists.set(field, elements);
    }
    const wanted = new Map<FieldName, WantedText>();
    for (const [field, text] of this.#model.texts) {
      const textClass = text.classIn(assignment.values);
      if (textClass) wanted.set(field, new WantedText(text, textClass, assignment));
    }
    const relations = this.#relations(assignment).filter(
      ({ relation: { left, right } }) =>
        wanted.has(left) && (wanted.has(right) || lists.has(right)),
    );
    const choices = this.#choices(wanted, relations);
    if (choices.some(([, texts]) => texts.length === 0)) return undefined;
    return combined(choices, relations, lists);
  }

  #relations({ values, cared }: Assignment): WantedRelation[] {
    const wanted: WantedRelation[] = [];
    for (const { relation, group } of this.#model.relations.values())
      if (relation.kind !== "order" && group.isCared(cared))
        wanted.push({ relation, holds: group.classOf(values) === 1 });
    return wanted;
  }

  #choices(
    wanted: ReadonlyMap<FieldName, WantedText>,
    relations: readonly WantedRelation[],
  ): [FieldName, string[]][] {
    const relatedTo = (field: FieldName): Relation[] =>
      relations
        .map(({ relation }) => relation)
        .filter(({ left, right }) => left === field || right === field);
    const own = new Map(
      Array.from(wanted, ([field, each]) => {
        // Nobody compares it with another field: the first will do.
        const limit = relatedTo(field).length === 0 ? 1 : PROPOSAL_LIMIT;
        return [field, this.#proposals.of(each, limit)] as const;
      }),
    );
    return Array.from(wanted, ([field, each]): [FieldName, string[]] => {
      const borrowed = relatedTo(field)
        .flatMap(({ left, right }) => own.get((left === field ? right : left) as FieldName) ?? [])
        .flatMap((text) => [text, `${text}x`, `x${text}`])
        .filter((text) => each.isMetBy(text, { all: false }));
      return [field, [...new Set([...(own.get(field) ?? []), ...borrowed])]];
    });
  }
}

/** The first combination in which all relations are as wanted. */
function combined(
  choices: readonly (readonly [FieldName, readonly string[]])[],
  relations: readonly WantedRelation[],
  lists: Lists,
): ChosenTexts | undefined {
  const count = choices.reduce((product, [, texts]) => product * texts.length, 1);
  for (let at = 0; at < Math.min(count, COMBINATION_LIMIT); at++) {
    let rest = at;
    const texts = new Map<FieldName, string>();
    for (const [field, proposals] of choices) {
      texts.set(field, proposals[rest % proposals.length] as string);
      rest = Math.floor(rest / proposals.length);
    }
    const fitting = fitted(texts, relations, lists);
    if (fitting) return { texts, lists: fitting };
  }
  return undefined;
}

/** The lists with what they must hold besides; undefined when a relation is not as wanted. */
function fitted(
  texts: ReadonlyMap<FieldName, string>,
  relations: readonly WantedRelation[],
  lists: Lists,
): Lists | undefined {
  const fitting: Lists = new Map(Array.from(lists, ([field, list]) => [field, [...list]]));
  for (const { relation, holds } of relations) {
    const left = texts.get(relation.left) as string;
    if (relation.kind === "text") {
      if (relates(relation.operator, left, texts.get(relation.right) as string) !== holds)
        return undefined;
      continue;
    }
    const list = fitting.get(relation.right) as string[];
    if (holds && !list.includes(left)) list.push(left);
  }
  const isAsWanted = relations.every(
    ({ relation, holds }) =>
      relation.kind === "text" ||
      holds === fitting.get(relation.right)?.includes(texts.get(relation.left) as string),
  );
  return isAsWanted ? fitting : undefined;
}

function relates(
  operator: "==" | "STARTS_WITH" | "ENDS_WITH" | "CONTAINS",
  left: string,
  right: string,
): boolean {
  switch (operator) {
    case "==":
      return left === right;
    case "STARTS_WITH":
      return left.startsWith(right);
    case "ENDS_WITH":
      return left.endsWith(right);
    case "CONTAINS":
      return left.includes(right);
  }
}
