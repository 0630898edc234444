/** The language of bits: what each rule means as an expression, and what each mistake is called and where it stands. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FIELD_NAMES, FIELDS } from "../fields.ts";
import type { ComparisonOperator, Expression, Operand } from "../pack.ts";
import { readLogic } from "./read-logic.ts";

const field = (name: string): Operand => ({ kind: "field", field: `context.${name}` }) as Operand;
const literal = (value: boolean | number | string): Operand => ({ kind: "literal", value });
const compare = (left: Operand, operator: ComparisonOperator, right: Operand): Expression => ({
  kind: "compare",
  operator,
  left,
  right,
});
const tenantIs = (name: string): Expression => compare(field("tenant"), "==", literal(name));
const T = "context.tenant == 't'";
const U = "context.tenant == 'u'";
const V = "context.tenant == 'v'";
const [t, u, v] = [tenantIs("t"), tenantIs("u"), tenantIs("v")];
const all = (...of: Expression[]): Expression => ({ kind: "and", of });
const any = (...of: Expression[]): Expression => ({ kind: "or", of });
const not = (of: Expression): Expression => ({ kind: "not", of });

describe("means", () => {
  test.each<[name: string, logic: string, expression: Expression]>([
    ["OR binds less than AND", `${T} OR ${U} AND ${V}`, any(t, all(u, v))],
    ["AND binds more than OR, on the left too", `${T} AND ${U} OR ${V}`, any(all(t, u), v)],
    ["NOT binds more than AND", `NOT ${T} AND ${U}`, all(not(t), u)],
    ["NOT binds less than a comparison", "NOT context.tenant == 't'", not(t)],
    ["NOT NOT", `NOT NOT ${T}`, not(not(t))],
    ["NOT within AND", `${T} AND NOT ${U}`, all(t, not(u))],
    ["parentheses", `(${T} OR ${U}) AND ${V}`, all(any(t, u), v)],
    ["parentheses around everything", `((${T}))`, t],
    ["NOT of parentheses", `NOT (${T} AND ${U})`, not(all(t, u))],
    ["NOT without a space", `NOT(${T})`, not(t)],
    ["many sides are one list", `${T} AND ${U} AND ${V}`, all(t, u, v)],
    ["parentheses keep what they join", `${T} AND (${U} AND ${V})`, all(t, all(u, v))],
    ["no spaces", "context.tenant=='t'", t],
    ["spaces, tabs and lines", "\n context.tenant\t==\r\n 't'  ", t],
    ["true", "true", { kind: "literal", value: true }],
    ["false within", `false OR ${T}`, any({ kind: "literal", value: false }, t)],
    ["a boolean field alone", "context.rate.ok", { kind: "field", field: "context.rate.ok" }],
    [
      "a system field alone",
      "NOT system.panic_mode",
      not({ kind: "field", field: "system.panic_mode" }),
    ],
    [
      "now()",
      "now() < context.legacy_jwt.expires_at",
      compare({ kind: "now" }, "<", field("legacy_jwt.expires_at")),
    ],
    ["now() with spaces", "now ( ) >= 5", compare({ kind: "now" }, ">=", literal(5))],
    [
      "a decimal fraction",
      "context.transport.tls_version >= 1.3",
      compare(field("transport.tls_version"), ">=", literal(1.3)),
    ],
    [
      "a negative number",
      "context.transport.tls_version > -1",
      compare(field("transport.tls_version"), ">", literal(-1)),
    ],
    [
      "minus nothing is nothing",
      "context.transport.tls_version > -0",
      compare(field("transport.tls_version"), ">", literal(0)),
    ],
    [
      "the largest exact number",
      "now() < 9007199254740991",
      compare({ kind: "now" }, "<", literal(9_007_199_254_740_991)),
    ],
    ["a value on the left", "'t' == context.tenant", compare(literal("t"), "==", field("tenant"))],
    ["text in double quotes", 'context.tenant == "t"', t],
    ["an escaped quote", String.raw`context.tenant == 'it\'s'`, tenantIs("it's")],
    ["the other quote", `context.tenant == "it's"`, tenantIs("it's")],
    ["an escaped other quote", String.raw`context.tenant == 'a\"b'`, tenantIs('a"b')],
    ["an escaped backslash", String.raw`context.tenant == 'a\\b'`, tenantIs("a\\b")],
    ["empty text", "context.tenant == ''", tenantIs("")],
    ["words within text", "context.tenant == 'a AND NOT b OR'", tenantIs("a AND NOT b OR")],
    [
      "letters beyond ASCII in text",
      "context.tenant == 'caf\u00e9 \u{1f600}'",
      tenantIs("caf\u00e9 \u{1f600}"),
    ],
    [
      "a list of texts",
      "context.tenant IN ['a','b']",
      compare(field("tenant"), "IN", { kind: "list", values: ["a", "b"] }),
    ],
    [
      "a list of one number",
      "context.transport.tls_version IN [1.3]",
      compare(field("transport.tls_version"), "IN", { kind: "list", values: [1.3] }),
    ],
    [
      "a text in a list field",
      "'g' IN context.user.groups",
      compare(literal("g"), "IN", field("user.groups")),
    ],
    [
      "a field in a list field",
      "context.user.id IN context.scopes",
      compare(field("user.id"), "IN", field("scopes")),
    ],
    [
      "a list field that contains",
      "context.scopes CONTAINS context.tenant",
      compare(field("scopes"), "CONTAINS", field("tenant")),
    ],
    [
      "two fields",
      "context.user.id != context.client_id",
      compare(field("user.id"), "!=", field("client_id")),
    ],
    [
      "a boolean against a boolean",
      "context.rate.ok != false",
      compare(field("rate.ok"), "!=", literal(false)),
    ],
    [
      "a pattern",
      String.raw`context.req.path MATCHES '^/v\\d+/'`,
      compare(field("req.path"), "MATCHES", literal("^/v\\d+/")),
    ],
    [
      "a text that begins a field",
      "'abc' STARTS_WITH context.tenant",
      compare(literal("abc"), "STARTS_WITH", field("tenant")),
    ],
  ])("%s", (_, logic, expression) => {
    expect(readLogic(logic)).toEqual({ expression });
  });

  test("every field with every operator that takes its type, and no other", () => {
    const right: Record<string, string[]> = {
      boolean: ["== true", "!= false"],
      number: ["== 1", "!= 1", "< 1", "<= 1", "> 1", ">= 1", "IN [1]"],
      string: [
        "== 'x'",
        "!= 'x'",
        "IN ['x']",
        "IN context.scopes",
        "STARTS_WITH 'x'",
        "ENDS_WITH 'x'",
        "CONTAINS 'x'",
        "MATCHES 'x'",
      ],
      list: ["CONTAINS 'x'"],
    };
    for (const name of FIELD_NAMES) {
      for (const endings of Object.values(right)) {
        for (const ending of endings) {
          const isTaken = "expression" in readLogic(`${name} ${ending}`);
          const takes = right[FIELDS[name]] ?? [];
          expect(isTaken, `${name} ${ending}`).toBe(takes.includes(ending));
        }
      }
    }
  });
});

describe("refused", () => {
  test.each<[name: string, logic: string, refusal: string]>([
    ["nothing", "", "unexpected_end 0"],
    ["spaces", "   ", "unexpected_end 3"],
    ["an end behind AND", `${T} AND`, "unexpected_end 25"],
    ["an end behind an operator", "context.tenant ==", "unexpected_end 17"],
    ["an end in parentheses", `(${T}`, "unexpected_end 22"],
    ["an end in a list", "context.tenant IN ['a'", "unexpected_end 22"],
    ["a parenthesis too many", `${T})`, "unexpected 21"],
    ["empty parentheses", "()", "unexpected 1"],
    ["two rules", `${T} ${U}`, "unexpected 22"],
    ["AND at the beginning", `AND ${T}`, "unexpected 0"],
    ["two operators", "context.tenant == == 't'", "unexpected 18"],
    ["NOT behind an operator", "context.rate.ok == NOT true", "unexpected 19"],
    ["NOT IN", "context.tenant NOT IN ['a']", "unexpected 15"],
    ["a parenthesis behind an operator", "context.rate.ok == (true)", "unexpected 19"],
    ["a list of nothing but a comma", "context.tenant IN [,]", "unexpected 19"],
    ["a comma at a list's end", "context.tenant IN ['a',]", "unexpected 23"],
    ["a list in a list", "context.tenant IN [['a']]", "unexpected 19"],
    ["a list without commas", "context.tenant IN ['a' 'b']", "unexpected 23"],
    ["now without parentheses", "now < 5", "unexpected 4"],
    ["now with something in it", "now(1) < 5", "unexpected 3"],
    ["three sides", "1 < context.transport.tls_version < 2", "chained_comparison 34"],
    ["two equals", "context.rate.ok == true == true", "chained_comparison 24"],
    ["parentheses that are compared", `(${T}) == true`, "chained_comparison 24"],
    ["a single equals sign", "context.tenant = 't'", "bad_character 15"],
    ["&&", `${T} && ${U}`, "bad_character 22"],
    ["||", `${T} || ${U}`, "bad_character 22"],
    ["!", `!${T}`, "bad_character 0"],
    ["a comment", `${T} # not`, "bad_character 22"],
    ["a semicolon", `${T};`, "bad_character 21"],
    ["a curved quote", "context.tenant == \u2018t\u2019", "bad_character 18"],
    ["a no-break space", "context.tenant\u00a0== 't'", "bad_character 14"],
    ["a Cyrillic letter", "c\u043entext.tenant == 't'", "bad_character 1"],
    ["a character beyond U+FFFF", "\u{1f600} == 1", "bad_character 0"],
    ["a plus sign", "now() > +5", "bad_character 8"],
    ["arithmetic", "now() > 5 - 3", "bad_character 10"],
    ["a text without its end", "context.tenant == 'x", "unterminated_text 18"],
    ["a text over two lines", "context.tenant == 'x\ny'", "unterminated_text 18"],
    ["a text that ends in a backslash", String.raw`context.tenant == 'x\'`, "unterminated_text 18"],
    ["an escape nobody knows", String.raw`context.req.path MATCHES '\d'`, "bad_escape 26"],
    ["a backslash at the very end", "context.tenant == 'x\\", "bad_escape 20"],
    ["a leading zero", "now() > 010", "bad_number 8"],
    ["an exponent", "now() > 1e3", "bad_number 8"],
    ["a hexadecimal number", "now() > 0x10", "bad_number 8"],
    ["two points", "context.transport.tls_version > 1.2.3", "bad_number 32"],
    ["a point at the end", "now() > 1.", "bad_number 8"],
    ["a unit", "now() > 5s", "bad_number 8"],
    ["underscores", "now() > 1_000", "bad_number 8"],
    ["a number beyond 2^53", "now() > 9007199254740993", "number_out_of_range 8"],
    ["its negative", "now() > -9007199254740993", "number_out_of_range 8"],
    ["a number beyond all numbers", `now() > ${"9".repeat(400)}`, "number_out_of_range 8"],
    ["a fraction that is rounded", "now() > 1.00000000000000001", "number_out_of_range 8"],
    ["a word in small letters", `${T} and ${U}`, "unknown_word 22"],
    ["a mistyped operator", "context.req.path BEGINS_WITH '/'", "unknown_word 17"],
    ["an operator in small letters", "context.req.path starts_with '/'", "unknown_word 17"],
    ["text without quotes", "context.tenant == acme", "unknown_word 18"],
    ["null", "context.tenant == null", "unknown_word 18"],
    ["True", "context.rate.ok == True", "unknown_word 19"],
    ["a function", "lower(context.tenant) == 't'", "unknown_word 0"],
    ["an unknown field", "context.nobody == 1", "unknown_field 0"],
    ["a mistyped field", "context.req.pth == '/'", "unknown_field 0"],
    ["a field of a field", "context.tenant.name == 't'", "unknown_field 0"],
    ["a part of a field", "context.req == 't'", "unknown_field 0"],
    ["a field in capitals", "context.Tenant == 't'", "unknown_field 0"],
    ["a field of the wrong beginning", "system.tenant == 't'", "unknown_field 0"],
    ["__proto__", "context.__proto__ == 't'", "unknown_field 0"],
    ["a text field alone", "context.tenant", "not_boolean 0"],
    ["a number alone", `${T} OR 1`, "not_boolean 25"],
    ["a text alone", "'true'", "not_boolean 0"],
    ["now() alone", "now()", "not_boolean 0"],
    ["a list field alone", "NOT context.scopes", "not_boolean 4"],
    ["a number against a text field", "context.tenant == 1", "type_mismatch 18"],
    ["a text against a number field", "context.transport.tls_version >= '1.3'", "type_mismatch 33"],
    ["a text against a boolean field", "context.rate.ok == 'true'", "type_mismatch 19"],
    ["a number against a boolean field", "context.rate.ok == 1", "type_mismatch 19"],
    ["two fields of two types", "context.tenant == context.rate.ok", "type_mismatch 18"],
    ["numbers in a list for a text", "context.tenant IN [1,2]", "type_mismatch 18"],
    [
      "texts in a list for a number",
      "context.transport.tls_version IN ['1.3']",
      "type_mismatch 33",
    ],
    ["a number in a list field", "1 IN context.scopes", "type_mismatch 5"],
    ["a text in a text", "'a' IN context.tenant", "type_mismatch 7"],
    ["a list that contains a number", "context.scopes CONTAINS 1", "type_mismatch 24"],
    ["a text field that is compared with a list", "context.tenant == ['a']", "type_mismatch 18"],
    ["a pattern from a field", "context.tenant MATCHES context.user.id", "type_mismatch 23"],
    ["order of texts", "context.tenant < 'b'", "wrong_operator 0"],
    ["order of booleans", "context.rate.ok > false", "wrong_operator 0"],
    ["a list that equals", "context.scopes == 'a'", "wrong_operator 0"],
    ["a list in a list", "context.scopes IN context.user.groups", "wrong_operator 0"],
    ["a boolean in a list", "context.rate.ok IN ['true']", "wrong_operator 0"],
    ["a number that begins", "context.transport.tls_version STARTS_WITH '1'", "wrong_operator 0"],
    ["a list that matches", "context.scopes MATCHES 'a'", "wrong_operator 0"],
    ["a written list that contains", "['a'] CONTAINS context.tenant", "wrong_operator 0"],
    ["an empty list", "context.tenant IN []", "bad_list 18"],
    ["a list of two types", "context.tenant IN ['a', 1]", "bad_list 24"],
    ["a list of booleans", "context.tenant IN [true]", "bad_list 19"],
    ["a list with a field", "context.tenant IN ['a', context.user.id]", "bad_list 24"],
    ["a list that begins with a field", "context.tenant IN [context.user.id, 'a']", "bad_list 19"],
    ["two values", "'a' == 'a'", "constant_comparison 0"],
    ["a field in quotes", "'context.tenant' == 'a'", "constant_comparison 0"],
    ["a value in a written list", "'a' IN ['a']", "constant_comparison 0"],
    ["a value against a pattern", "'a' MATCHES 'a'", "constant_comparison 0"],
    ["a pattern that does not end", "context.tenant MATCHES '('", "bad_pattern 23"],
    ["look-ahead", "context.tenant MATCHES 'a(?=b)'", "bad_pattern 23"],
    ["a back-reference", String.raw`context.tenant MATCHES '(a)\\1'`, "bad_pattern 23"],
    ["a pattern too large", "context.tenant MATCHES 'a{5000}'", "bad_pattern 23"],
    ["a pattern too long", `context.tenant MATCHES '${"a".repeat(1025)}'`, "bad_pattern 23"],
    ["33 parentheses", `${"(".repeat(33)}${T}${")".repeat(33)}`, "too_deep 33"],
    ["33 NOTs", `${"NOT ".repeat(33)}${T}`, "too_deep 132"],
    ["65,537 characters", T.padEnd(65_537), "too_long 0"],
  ])("%s", (_, logic, refusal) => {
    const read = readLogic(logic);
    const [fault] = "faults" in read ? read.faults : [];
    expect(fault && `${fault.code} ${fault.at}`).toBe(`pack.logic_${refusal}`);
  });

  test.each([
    ["32 parentheses", `${"(".repeat(32)}${T}${")".repeat(32)}`],
    ["32 NOTs", `${"NOT ".repeat(32)}${T}`],
    ["parentheses one after another", Array.from({ length: 500 }, () => `(${T})`).join(" AND ")],
    ["65,536 characters", T.padEnd(65_536)],
  ])("but not %s", (_, logic) => {
    expect(readLogic(logic)).toHaveProperty("expression");
  });

  test("all mistakes of types at once", () => {
    const read = readLogic("context.nobody == 1 AND (context.tenant > 2 OR NOT context.scopes)");
    expect("faults" in read && read.faults.map(({ code, at }) => `${code} ${at}`)).toEqual([
      "pack.logic_unknown_field 0",
      "pack.logic_wrong_operator 25",
      "pack.logic_not_boolean 51",
    ]);
  });

  test.each([
    ["context.req.pth == '/'", "did you mean context.req.path?"],
    ["req.path == '/'", "did you mean context.req.path?"],
    ["panic_mode == true", "did you mean system.panic_mode?"],
    [`${T} and ${U}`, "did you mean AND?"],
    ["context.tenant STARTSWITH 'a'", "did you mean STARTS_WITH?"],
    ["context.tenant == acme", "text needs quotes"],
    ["context.tenant = 'a'", 'write "=="'],
  ])("%s: %s", (logic, hint) => {
    const read = readLogic(logic);
    expect("faults" in read && read.faults[0].hint).toBe(hint);
  });
});

test("whatever the text, the answer is an expression or faults inside the text", () => {
  const words =
    "AND OR NOT ( ) [ ] , == != < <= > >= IN STARTS_WITH CONTAINS MATCHES now() now true 'a' \"b\" 'a\\ 1 -1.5 1.2.3 context.tenant context.scopes context.rate.ok context.x system.panic_mode x.y & \u00e9 \u{1f600} \n";
  const text = fc.oneof(
    fc
      .array(fc.constantFrom(...words.split(" "), " "), { maxLength: 30 })
      .map((parts) => parts.join(" ")),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  fc.assert(
    fc.property(text, (logic) => {
      const read = readLogic(logic);
      if ("expression" in read) return;
      expect(read.faults.length).toBeGreaterThan(0);
      for (const { at } of read.faults) {
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(logic.length);
      }
    }),
    { numRuns: 5_000 },
  );
});
