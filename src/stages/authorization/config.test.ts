/** What the `authorization` section refuses at load. */
import { describe, expect, test } from "vitest";
import { authorizationSchema } from "./config.ts";

describe("the authorization section", () => {
  test.each([
    { name: "a grant without a condition", grants: [{ name: "all" }] },
    { name: "an asterisk", grants: [{ caller: "*" }] },
    { name: "an asterisk in a list", grants: [{ caller: ["a", "*"] }] },
    { name: "an empty list", grants: [{ caller: [] }] },
    { name: "an empty value", grants: [{ tenant: "" }] },
    { name: "a misspelt condition", grants: [{ callers: ["a"] }] },
    { name: "a method in lower case", grants: [{ method: "post" }] },
    { name: "a scope that would break a header", grants: [{ scopes: ['a"b'] }] },
    { name: "two scopes in one", grants: [{ scopes: ["a b"] }] },
    {
      name: "two grants of one name",
      grants: [
        { name: "g", caller: "a" },
        { name: "g", caller: "b" },
      ],
    },
    { name: "a name that is not one", grants: [{ name: "route:open", caller: "a" }] },
  ])("$name is refused at load", ({ grants }) => {
    expect(authorizationSchema.safeParse({ grants }).success).toBe(false);
  });
});
