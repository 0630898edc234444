/** The type of one side of a comparison, and its name in messages. */
import { nearest } from "../../config/nearest.ts";
import { FIELD_NAMES, FIELDS, isFieldName, type FieldType } from "../fields.ts";
import type { Operand } from "../pack.ts";
import type { LogicFault } from "./logic-fault.ts";
import { quoted } from "./quoted.ts";
import type { OperandSyntax } from "./syntax.ts";

/** A list that is written down has the type of its items; a list field holds texts. */
export type OperandType = FieldType | "written strings" | "written numbers";

export interface TypedOperand {
  readonly operand: Operand;
  readonly type: OperandType;
  /** For messages: "context.tenant (text)". */
  readonly name: string;
}

const TYPE_NAMES: Readonly<Record<OperandType, string>> = {
  boolean: "true or false",
  number: "number",
  string: "text",
  list: "list",
  "written strings": "list of texts",
  "written numbers": "list of numbers",
};

export function typeOperand(syntax: OperandSyntax): TypedOperand | LogicFault {
  switch (syntax.kind) {
    case "field":
      return typeField(syntax);
    case "now":
      return { operand: { kind: "now" }, type: "number", name: "now() (number)" };
    case "literal": {
      const { value } = syntax;
      const type = typeof value as "boolean" | "number" | "string";
      const written = typeof value === "string" ? quoted(value) : String(value);
      return {
        operand: { kind: "literal", value },
        type,
        name: `${written} (${TYPE_NAMES[type]})`,
      };
    }
    case "list":
      return typeList(syntax);
  }
}

function typeField({ name, at }: OperandSyntax & { kind: "field" }): TypedOperand | LogicFault {
  if (isFieldName(name)) {
    const type = FIELDS[name];
    return { operand: { kind: "field", field: name }, type, name: `${name} (${TYPE_NAMES[type]})` };
  }
  const near =
    nearest(name, FIELD_NAMES) ?? [`context.${name}`, `system.${name}`].find(isFieldName);
  return {
    code: "pack.logic_unknown_field",
    message: `there is no field ${quoted(name)}`,
    hint: near === undefined ? "fields begin with context. or system." : `did you mean ${near}?`,
    at,
  };
}

/** The field that was meant when its beginning was left out. */
export function fieldEndingIn(end: string): string | undefined {
  return FIELD_NAMES.find((name) => name.endsWith(`.${end}`));
}

function typeList({ items, at }: OperandSyntax & { kind: "list" }): TypedOperand | LogicFault {
  const values = items.map((item) => (item.kind === "literal" ? item.value : undefined));
  if (values.length > 0 && values.every((value) => typeof value === "string"))
    return { operand: { kind: "list", values }, type: "written strings", name: "a list of texts" };
  if (values.length > 0 && values.every((value) => typeof value === "number"))
    return {
      operand: { kind: "list", values },
      type: "written numbers",
      name: "a list of numbers",
    };
  const first = typeof values[0];
  const wrong = items.find((_, index) => typeof values[index] !== first || first === "boolean");
  return {
    code: "pack.logic_bad_list",
    message: items.length === 0 ? "the list is empty" : "a list holds texts only, or numbers only",
    hint: "write down the values that are meant",
    at: (first === "undefined" ? items[0] : wrong)?.at ?? at,
  };
}
