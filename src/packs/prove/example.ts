/** Makes a request that is as an assignment of the diagrams' variables says. What it makes is a proposal, to be tried. */
import {
  FIELD_NAMES,
  FIELDS,
  packContext,
  type FieldName,
  type FieldValue,
  type FieldValues,
  type PackContext,
} from "../fields.ts";
import { ORDINARY_REQUEST } from "./always-there.ts";
import type { Assignment } from "./diagram.ts";
import { chooseNumbers } from "./number-choice.ts";
import type { RequestModel } from "./request-model.ts";
import { TextChoice } from "./text-choice.ts";

/** One request: all that it has, by the fields' full names, as a case of `pack test` writes it. */
export interface ExampleRequest {
  readonly context: Readonly<Record<string, boolean | number | string | readonly string[]>>;
  /** Seconds since the epoch; absent when the packs ask for no time. */
  readonly nowSeconds?: number;
}

/** One request that was tried, and the output that decides it. */
export interface PackExample extends ExampleRequest {
  readonly output: string;
}

export interface MadeRequest {
  readonly values: FieldValues;
  readonly context: PackContext;
  readonly nowSeconds: number | undefined;
}

/** Making and trying one takes about as long as so many steps of the diagrams. */
const STEPS_OF_ONE = 500;

type Made = { [Name in FieldName]?: FieldValue | undefined };

export class RequestMaker {
  readonly #model: RequestModel;
  readonly #texts: TextChoice;

  constructor(model: RequestModel) {
    this.#model = model;
    this.#texts = new TextChoice(model);
  }

  /** Undefined when none can be made; that says nothing about whether there is one. */
  make(assignment: Assignment): MadeRequest | undefined {
    this.#model.diagrams.spend(STEPS_OF_ONE);
    const { values } = assignment;
    const numbers = chooseNumbers(this.#model, assignment);
    const texts = this.#texts.choose(assignment);
    if (!numbers || !texts) return undefined;
    const made: Made = { ...ORDINARY_REQUEST };
    for (const [field, boolean] of this.#model.booleans) set(made, field, boolean.valueIn(values));
    for (const [field, list] of texts.lists) set(made, field, new Set(list));
    for (const [field, text] of texts.texts) set(made, field, text);
    for (const [name, number] of numbers) if (name !== "now()") set(made, name, number);
    // Each field's values come from the model's part for its type.
    const all = made as FieldValues;
    return { values: all, context: packContext(all), nowSeconds: numbers.get("now()") };
  }
}

function set(made: Made, field: FieldName, value: FieldValue | undefined): void {
  if (value !== undefined) made[field] = value;
}

export function exampleOf({ values, nowSeconds }: MadeRequest): ExampleRequest {
  const context: Record<string, boolean | number | string | readonly string[]> = {};
  for (const field of FIELD_NAMES) {
    const value = values[field];
    if (value === undefined) continue;
    context[field] =
      FIELDS[field] === "list" ? [...(value as ReadonlySet<string>)] : (value as string);
  }
  return { context, ...(nowSeconds !== undefined && { nowSeconds }) };
}
