/** The list of fields, and that each value goes where the rules look for it. */
import { expect, test } from "vitest";
import { FIELD_NAMES, FIELDS, isFieldName, packContext, SLOTS } from "./fields.ts";

test("each value stands at its slot, and nothing else does", () => {
  for (const name of FIELD_NAMES) {
    const context = packContext({ [name]: name });
    expect(context).toHaveLength(FIELD_NAMES.length);
    expect(context.flatMap((value, slot) => (value === undefined ? [] : [slot]))).toEqual([
      SLOTS[name],
    ]);
    expect(context[SLOTS[name]]).toBe(name);
  }
});

test.each([
  "toString",
  "constructor",
  "__proto__",
  "",
  "context",
  "context.",
  "context.req",
  "CONTEXT.TENANT",
])("%j is no field", (name) => {
  expect(isFieldName(name)).toBe(false);
});

test("every field has one of four types, and there are twenty", () => {
  expect(new Set(Object.values(FIELDS))).toEqual(new Set(["boolean", "number", "string", "list"]));
  expect(FIELD_NAMES).toHaveLength(20);
  expect(FIELD_NAMES.every(isFieldName)).toBe(true);
});
