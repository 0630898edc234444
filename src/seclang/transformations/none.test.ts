import { expect, test } from "vitest";
import { none } from "./none.ts";

test.each([["the value stays", " A%41\\n\0\xff", " A%41\\n\0\xff"]])(
  "none: %s",
  (_sentence, value, expected) => {
    expect(none(value)).toBe(expected);
  },
);
