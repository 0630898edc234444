import { expect, test } from "vitest";
import { lowerName } from "./lower-name.ts";

test.each([
  ["", ""],
  ["Content-Type", "content-type"],
  ["X_Ünïcode\xc0", "x_\xdcn\xefcode\xc0"],
  ["A".repeat(1000), "a".repeat(1000)],
])("%j in lower case is %j", (name, lower) => {
  expect(lowerName(name)).toBe(lower);
  expect(lowerName(name)).toBe(lower);
});

test("stays right when more names come than it keeps", () => {
  for (let index = 0; index < 3000; index += 1) {
    expect(lowerName(`X-Junk-${index}`)).toBe(`x-junk-${index}`);
    expect(lowerName("Host")).toBe("host");
  }
});
