/** What undefined does, and that a decision is a value: shared, frozen, and never of another request. */
import { describe, expect, test } from "vitest";
import {
  FIELD_NAMES,
  FIELDS,
  packContext,
  SLOTS,
  type FieldValues,
  type PackContext,
} from "../fields.ts";
import { readPack } from "../read/read-pack.ts";
import { compilePack, type PackEvaluator } from "./evaluator.ts";

const NOW_SECONDS = 1_000;

/** T is true, F false and U undefined in every request below. */
const BITS = `version: tdln-chip/0.3
policies:
- {id: T, logic: context.rate.ok == true}
- {id: F, logic: context.rate.ok == false}
- {id: U, logic: context.webhook.verified == true}
`;
const KNOWN = packContext({ "context.rate.ok": true });

function evaluatorOf(yaml: string): PackEvaluator {
  return compilePack(readPack(Buffer.from(yaml)));
}

/** The value of one rule for one context. */
function valueOf(
  logic: string,
  context: PackContext | FieldValues,
  nowSeconds = NOW_SECONDS,
): string {
  const yaml = `version: tdln-chip/0.3\npolicies:\n- id: X\n  logic: ${JSON.stringify(logic)}\noutputs: []\n`;
  const slots = Array.isArray(context)
    ? (context as PackContext)
    : packContext(context as FieldValues);
  return evaluatorOf(yaml).trace(slots, nowSeconds).bits[0]?.value ?? "";
}

describe("Kleene's tables", () => {
  const T = "context.rate.ok";
  const F = "NOT context.rate.ok";
  const U = "context.webhook.verified";
  test.each([
    [`${T} AND ${T}`, "true"],
    [`${T} AND ${F}`, "false"],
    [`${F} AND ${T}`, "false"],
    [`${F} AND ${F}`, "false"],
    [`${T} AND ${U}`, "undefined"],
    [`${U} AND ${T}`, "undefined"],
    [`${U} AND ${U}`, "undefined"],
    [`${F} AND ${U}`, "false"],
    [`${U} AND ${F}`, "false"],
    [`${T} OR ${T}`, "true"],
    [`${T} OR ${F}`, "true"],
    [`${F} OR ${T}`, "true"],
    [`${F} OR ${F}`, "false"],
    [`${F} OR ${U}`, "undefined"],
    [`${U} OR ${F}`, "undefined"],
    [`${U} OR ${U}`, "undefined"],
    [`${T} OR ${U}`, "true"],
    [`${U} OR ${T}`, "true"],
    [`NOT (${T})`, "false"],
    [`NOT (${F})`, "true"],
    [`NOT (${U})`, "undefined"],
    [`NOT NOT (${U})`, "undefined"],
    [`${T} AND ${U} AND ${F}`, "false"],
    [`${T} AND ${U} AND ${T}`, "undefined"],
    [`${F} OR ${U} OR ${T}`, "true"],
    [`${F} OR ${U} OR ${F}`, "undefined"],
    // What is the same for every request is settled before there is one.
    [`${U} AND false`, "false"],
    [`${U} AND true`, "undefined"],
    [`${U} OR true`, "true"],
    [`${U} OR false`, "undefined"],
    ["NOT false", "true"],
    ["true AND true", "true"],
    ["false OR false", "false"],
    // A contradiction is not known to be one, and what is always so is not known to be so.
    [`${U} AND NOT ${U}`, "undefined"],
    [`${U} OR NOT ${U}`, "undefined"],
  ])("%s is %s", (logic, value) => {
    expect(valueOf(logic, KNOWN)).toBe(value);
  });
});

describe("a comparison with a field that the request does not have is undefined", () => {
  const endings: Record<string, string[]> = {
    boolean: ["", "== true", "== false", "!= true", "!= false"],
    number: [
      "== 1",
      "!= 1",
      "< 1",
      "<= 1",
      "> 1",
      ">= 1",
      "IN [1,2]",
      "< now()",
      "== context.legacy_jwt.expires_at",
    ],
    string: [
      "== 'x'",
      "!= 'x'",
      "IN ['x']",
      "IN context.scopes",
      "STARTS_WITH ''",
      "ENDS_WITH ''",
      "CONTAINS ''",
      "MATCHES ''",
      "!= context.tenant",
    ],
    list: ["CONTAINS 'x'", "CONTAINS context.tenant"],
  };
  test.each(FIELD_NAMES)("%s", (name) => {
    for (const ending of endings[FIELDS[name]] ?? []) {
      expect(valueOf(`${name} ${ending}`, {}), ending).toBe("undefined");
      expect(valueOf(`NOT (${name} ${ending})`, {}), `NOT ${ending}`).toBe("undefined");
    }
  });

  test.each([
    ["the field is on the right", "'x' IN context.scopes"],
    ["one of two fields is there", "context.rate.ok == context.webhook.verified"],
    ["a field is looked for in a list that is not there", "context.tenant IN context.scopes"],
    [
      "a list is asked for a field that is not there",
      "context.user.groups CONTAINS context.user.id",
    ],
  ])("also when %s", (_, logic) => {
    const known = {
      "context.rate.ok": true,
      "context.tenant": "x",
      "context.user.groups": new Set(["x"]),
    };
    expect(valueOf(logic, known)).toBe("undefined");
  });
});

describe("a value of another type than the field's is like none", () => {
  const wrong: Record<string, unknown[]> = {
    boolean: ["true", 1, 0, null, new Set()],
    number: ["1.3", true, Number.NaN, null, new Set([1.3])],
    string: [1, true, null, new Set(["x"]), ["x"]],
    list: ["x", ["x"], { x: true }, null, true],
  };
  const rules: Record<string, string[]> = {
    boolean: ["== true", "!= true", ""],
    number: [
      "== 1.3",
      "!= 1.3",
      "< 1.3",
      "<= 1.3",
      "> 1.3",
      ">= 1.3",
      "IN [1.3]",
      "> now()",
      "!= now()",
    ],
    string: [
      "== 'x'",
      "!= 'x'",
      "IN ['x','y']",
      "STARTS_WITH 'x'",
      "ENDS_WITH 'x'",
      "CONTAINS 'x'",
      "MATCHES 'x'",
      "== context.origin",
    ],
    list: ["CONTAINS 'x'"],
  };
  test.each(FIELD_NAMES)("%s", (name) => {
    for (const value of wrong[FIELDS[name]] ?? []) {
      const context = [...packContext({ "context.origin": "x" })] as unknown[];
      context[SLOTS[name]] = value;
      for (const rule of rules[FIELDS[name]] ?? []) {
        if (name === "context.origin" && rule.includes("origin")) continue;
        expect(
          valueOf(`${name} ${rule}`, context as unknown as PackContext),
          `${String(value)} ${rule}`,
        ).toBe("undefined");
      }
    }
  });

  test("and so is a clock that does not know the time", () => {
    expect(valueOf("now() > 5", {}, Number.NaN)).toBe("undefined");
  });
});

test("a text that takes too long to match is undefined, and its NOT is not true", () => {
  const logic = "context.req.path MATCHES '[^a]{1,400}a$'";
  const costly = String.fromCodePoint(
    ...Array.from({ length: 20_000 }, (_, i) => 0xac00 + (i % 9_000)),
  );
  expect(valueOf(logic, { "context.req.path": costly })).toBe("undefined");
  expect(valueOf(`NOT ${logic}`, { "context.req.path": costly })).toBe("undefined");
  expect(valueOf(logic, { "context.req.path": "/ba" })).toBe("true");
  expect(valueOf(`NOT ${logic}`, { "context.req.path": "/b" })).toBe("true");
});

describe("wires and outputs", () => {
  test.each([
    ["an empty sequence", "{sequence: []}", "true"],
    ["an empty ALL", "{parallel: {policies: [], aggregator: ALL}}", "true"],
    ["an empty ANY", "{parallel: {policies: [], aggregator: ANY}}", "false"],
    ["a sequence with something undefined", "{sequence: [T, U]}", "undefined"],
    ["a sequence with something undefined before something false", "{sequence: [U, F]}", "false"],
    ["ANY of something undefined", "{parallel: {policies: [F, U], aggregator: ANY}}", "undefined"],
    [
      "ANY of something undefined before something true",
      "{parallel: {policies: [U, T], aggregator: ANY}}",
      "true",
    ],
    ["ALL of something undefined", "{parallel: {policies: [T, U], aggregator: ALL}}", "undefined"],
    [
      "a structure within",
      "{sequence: [T, {parallel: {policies: [F, U], aggregator: ANY}}]}",
      "undefined",
    ],
  ])("%s", (_, structure, value) => {
    const yaml = `${BITS}wiring:\n- {id: W, structure: ${structure}}\noutputs: []\n`;
    expect(evaluatorOf(yaml).trace(KNOWN, NOW_SECONDS).wires).toEqual([{ id: "W", value }]);
  });

  test.each([
    ["allow", "T", true],
    ["allow", "F", false],
    ["allow", "U", false],
    ["allow", "NOT(T)", false],
    ["allow", "NOT(F)", true],
    ["allow", "NOT(U)", false],
    ["deny", "T", true],
    ["deny", "F", false],
    ["deny", "U", true],
    ["deny", "NOT(T)", false],
    ["deny", "NOT(F)", true],
    ["deny", "NOT(U)", true],
  ])("%s on %s fires: %s", (effect, trigger, fires) => {
    const status = effect === "allow" ? 200 : 403;
    const yaml = `${BITS}outputs:\n- ${effect}_it: {trigger: ${trigger}, action: HTTP ${status}}\n`;
    const { decision, outputs } = evaluatorOf(yaml).trace(KNOWN, NOW_SECONDS);
    expect(outputs).toEqual([{ id: `${effect}_it`, fires }]);
    expect(decision.output).toBe(fires ? `${effect}_it` : "default_deny");
    expect(decision.effect).toBe(fires ? effect : "deny");
  });

  test("without any output the answer is no", () => {
    expect(evaluatorOf(`${BITS}outputs: []\n`).decide(KNOWN, NOW_SECONDS)).toEqual({
      effect: "deny",
      output: "default_deny",
      status: 403,
      reason: "default_deny",
      wire: undefined,
      bitFailed: undefined,
      bitValue: undefined,
      chain: ["default_deny"],
    });
  });

  test("when none fires, the first allow output and what kept it from being true are named", () => {
    const yaml = `${BITS}wiring:
- {id: W_Inner, structure: {sequence: [T, U, F]}}
- {id: W_Outer, structure: {sequence: [{parallel: {policies: [W_Inner, F], aggregator: ANY}}]}}
outputs:
- deny_never: {trigger: F, action: HTTP 403}
- allow_first: {trigger: W_Outer, action: HTTP 200}
- allow_second: {trigger: F, action: HTTP 200}
`;
    expect(evaluatorOf(yaml).decide(KNOWN, NOW_SECONDS)).toEqual({
      effect: "deny",
      output: "default_deny",
      status: 403,
      reason: "default_deny",
      wire: "W_Outer",
      bitFailed: "U",
      bitValue: "undefined",
      chain: ["default_deny", "W_Outer", "W_Inner", "U"],
    });
  });
});

describe("decisions", () => {
  const yaml = `${BITS}outputs:\n- deny_it: {trigger: NOT(T), action: HTTP 429}\n- allow_it: {trigger: T, action: HTTP 200}\n`;

  test("are made once, and nobody can change them", () => {
    const evaluator = evaluatorOf(yaml);
    const first = evaluator.decide(KNOWN, NOW_SECONDS);
    expect(evaluator.decide(packContext({ "context.rate.ok": true }), NOW_SECONDS + 1)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
    expect(Object.isFrozen(first.chain)).toBe(true);
  });

  test("tell false from undefined", () => {
    const evaluator = evaluatorOf(yaml);
    const told = (ok: boolean | undefined): unknown => {
      const { status, bitFailed, bitValue } = evaluator.decide(
        packContext({ "context.rate.ok": ok }),
        NOW_SECONDS,
      );
      return [status, bitFailed, bitValue];
    };
    expect(told(false)).toEqual([429, "T", "false"]);
    expect(told(undefined)).toEqual([429, "T", "undefined"]);
    expect(told(true)).toEqual([200, undefined, undefined]);
  });

  test("do not depend on the request before", () => {
    const evaluator = evaluatorOf(yaml);
    const contexts = [true, false, undefined].map((ok) => packContext({ "context.rate.ok": ok }));
    const alone = contexts.map((context) => evaluatorOf(yaml).decide(context, NOW_SECONDS));
    for (let round = 0; round < 9; round++) {
      const index = (round * 2) % 3;
      expect(evaluator.decide(contexts[index] as PackContext, NOW_SECONDS)).toEqual(alone[index]);
    }
  });

  test("are right in wires joined in more ways than can be remembered", () => {
    const levels = Array.from({ length: 16 }, (_, level) => level);
    const yamlOfWays = [
      "version: tdln-chip/0.3",
      "policies:",
      "- {id: P_last, logic: context.rate.ok}",
      ...levels.map((level) => `- {id: P_${level}, logic: "'${level}' IN context.scopes"}`),
      "wiring:",
      "- {id: W_16, structure: {sequence: [P_last]}}",
      // Down by A where the bit is not true, by B where it is: 2^16 ways to the same last bit.
      ...levels.flatMap((level) => [
        `- {id: W_${level}, structure: {sequence: [A_${level}, B_${level}]}}`,
        `- {id: A_${level}, structure: {parallel: {policies: [W_${level + 1}, P_${level}], aggregator: ANY}}}`,
        `- {id: B_${level}, structure: {parallel: {policies: [W_${level + 1}], aggregator: ANY}}}`,
      ]),
      "outputs:",
      "- allow_it: {trigger: W_0, action: HTTP 200}",
    ].join("\n");
    const evaluator = evaluatorOf(yamlOfWays);
    for (let way = 0; way < 2 ** 16; way += 11) {
      const isByB = levels.map((level) => ((way >> level) & 1) === 1);
      const scopes = new Set(levels.filter((level) => isByB[level]).map(String));
      const context = packContext({ "context.scopes": scopes, "context.rate.ok": false });
      const steps = levels.flatMap((level) => [
        `W_${level}`,
        `${isByB[level] ? "B" : "A"}_${level}`,
      ]);
      const { chain, bitFailed } = evaluator.decide(context, NOW_SECONDS);
      expect(chain.join(" ")).toBe(["default_deny", ...steps, "W_16", "P_last"].join(" "));
      expect(bitFailed).toBe("P_last");
    }
  });
});
