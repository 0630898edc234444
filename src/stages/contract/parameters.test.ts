/** Typed path and query parameters: each type's edges, and queries that could mean two things. */
import { describe, expect, test } from "vitest";
import { contractRouteFields, type ParameterRule, parameterSchema } from "./config.ts";
import { contextOf, ROUTE } from "./contract-requests.test-support.ts";
import { PLAIN_CONTRACT } from "./config.ts";
import { compileParameters } from "./parameters.ts";

type RuleInput = Partial<ParameterRule> & { readonly type: ParameterRule["type"] };

function checkQuery(
  rules: Readonly<Record<string, RuleInput>>,
  query: string,
  mode: "open" | "strict" = "open",
) {
  const parsed = Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [name, parameterSchema.parse(rule)]),
  );
  const settings = { ...PLAIN_CONTRACT, query: mode, parameters: { path: {}, query: parsed } };
  const check = compileParameters(ROUTE, settings);
  return check?.(contextOf({ query }, ROUTE));
}

describe("types", () => {
  test.for<[string, RuleInput, readonly string[], readonly string[]]>([
    [
      "slug",
      { type: "slug" },
      ["a", "gpt-4.1", "A_b"],
      ["", "-a", "a-", "a/b", "a%20b", "é", "a".repeat(200)],
    ],
    [
      "int",
      { type: "int" },
      ["0", "-1", "9007199254740991"],
      ["", "-0", "01", "+1", "1.0", "1e3", "0x1", "9007199254740992", "1%20"],
    ],
    ["int within bounds", { type: "int", min: 1, max: 10 }, ["1", "10"], ["0", "11", "-5"]],
    [
      "uuid",
      { type: "uuid" },
      ["7d444840-9dc0-11d1-b245-5ffdce74fad2"],
      ["7d4448409dc011d1b2455ffdce74fad2", "{7d444840-9dc0-11d1-b245-5ffdce74fad2}", ""],
    ],
    ["boolean", { type: "boolean" }, ["true", "false"], ["TRUE", "1", "", "yes"]],
    [
      "string",
      { type: "string", maxLength: 3 },
      ["", "abc", "a+b", "%C3%A9"],
      ["abcd", "a%00", "%0d%0a", "%ff", "%zz", "%"],
    ],
    [
      "enum",
      { type: "enum", values: ["day", "a b"] },
      ["day", "a+b", "a%20b"],
      ["", "week", "DAY"],
    ],
  ])("%s", ([, rule, good, bad]) => {
    for (const value of good) expect(checkQuery({ x: rule }, `x=${value}`), value).toBeUndefined();
    for (const value of bad) expect(checkQuery({ x: rule }, `x=${value}`), value).toHaveLength(1);
  });
});

describe("the query", () => {
  const rules: Record<string, RuleInput> = {
    limit: { type: "int" },
    q: { type: "string", required: true },
  };
  test.for<[string, string, "open" | "strict", string | undefined]>([
    ["all there", "q=a&limit=1", "strict", undefined],
    ["an encoded name is the same name", "%71=a", "strict", undefined],
    ["a required one is missing", "limit=1", "open", "q is required"],
    ["nothing at all", "", "open", "q is required"],
    ["a declared one is repeated", "q=a&limit=1&limit=2", "open", "limit must not be repeated"],
    [
      "a declared one is repeated under an encoded name",
      "q=a&%71=b",
      "open",
      "q must not be repeated",
    ],
    ["an unknown one in open mode", "q=a&debug=1", "open", undefined],
    [
      "an unknown one in strict mode",
      "q=a&debug=1",
      "strict",
      "debug is not a parameter of this route",
    ],
    ["an empty one in strict mode", "q=a&", "strict", " is not a parameter of this route"],
    ["a name in another case", "q=a&LIMIT=1", "strict", "LIMIT is not a parameter of this route"],
    [
      "a name that cannot be decoded",
      "q=a&%ff=1",
      "open",
      "%ff has a name that is not valid UTF-8",
    ],
    [
      "a value that is decoded only once",
      "q=a&limit=%2531",
      "open",
      "limit must be a whole number in its shortest form",
    ],
    [
      "a name of every object's prototype",
      "q=a&__proto__=1",
      "strict",
      "__proto__ is not a parameter of this route",
    ],
  ])("%s", ([, query, mode, expected]) => {
    const found = checkQuery(rules, query, mode);
    expect(found?.map(({ parameter, message }) => `${parameter} ${message}`)[0]).toBe(expected);
  });

  test("more than 256 parameters are refused unread, and long ones are not repeated", () => {
    expect(checkQuery({}, "a&".repeat(300), "strict")).toHaveLength(1);
    const found = checkQuery({}, `${"k".repeat(5000)}&`.repeat(100), "strict");
    expect(found).toHaveLength(20);
    expect(found?.[0]?.parameter).toHaveLength(64);
  });

  test("nothing is looked at where nothing is declared", () => {
    expect(compileParameters(ROUTE, PLAIN_CONTRACT)).toBeNull();
  });
});

describe("the path", () => {
  const compile = (rule: RuleInput) => {
    const path = { version: parameterSchema.parse(rule) };
    return compileParameters(ROUTE, { ...PLAIN_CONTRACT, parameters: { path, query: {} } });
  };
  test.for<[string, RuleInput, string, boolean]>([
    ["a value of its type", { type: "enum", values: ["v1", "v2"] }, "v2", true],
    ["another value", { type: "enum", values: ["v1", "v2"] }, "v3", false],
    ["a value that is encoded", { type: "string", maxLength: 1 }, "%C3%A9", true],
    [
      "a value that is too long once decoded",
      { type: "string", maxLength: 1 },
      "%C3%A9%C3%A9",
      false,
    ],
    ["a plus, which is a plus in a path", { type: "enum", values: ["a+b"] }, "a+b", true],
    ["a value that cannot be decoded", { type: "string" }, "%ff", false],
  ])("%s", ([, rule, value, isGood]) => {
    const found = compile(rule)?.(contextOf({ params: { version: value } }, ROUTE));
    expect(found === undefined).toBe(isGood);
  });
});

describe("configuration", () => {
  test.each([
    ["a content type with parameters", "contentTypes", ["application/json; charset=utf-8"]],
    ["no content type", "contentTypes", []],
    ["an unknown compression", "contentEncodings", ["br"]],
    ["an unknown parameter type", "parameters", { query: { a: { type: "float" } } }],
    ["an unknown query mode", "query", "loose"],
    ["a schema that is no file", "request", "https://example.test/s.json"],
    ["a misspelt limit", "json", { deph: 3 }],
    ["a depth of nothing", "json", { depth: 0 }],
  ] as const)("refuses %s", (_, field, value) => {
    expect(contractRouteFields[field].safeParse(value).success).toBe(false);
  });

  test("content types are compared in lower case", () => {
    expect(contractRouteFields.contentTypes.parse(["Application/JSON"])).toEqual([
      "application/json",
    ]);
  });
});
