/** The name of whoever gives a command, also where the system has none. */
import { expect, test } from "vitest";
import { operatorName } from "./operator-name.ts";

test("is the system's", () => {
  expect(operatorName(() => ({ username: "ana" }))).toBe("ana");
});

test.each([
  [
    "has no entry in the list of users, as in many containers",
    () => {
      throw new Error("uv_os_get_passwd returned ENOENT");
    },
  ],
  ["has an empty name", () => ({ username: "" })],
])("is a number where the user %s", (_, read) => {
  expect(operatorName(read)).toMatch(/^uid \d+$/);
});
