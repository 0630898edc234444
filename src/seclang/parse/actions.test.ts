/** Every action of the manuals must be read or refused by name; none may be lost. */
import { describe, expect, test } from "vitest";
import { parseActions } from "./actions.ts";
import { collectFaults } from "./parse-fault.test-support.ts";

const text = (value: string) => ({ kind: "text", text: value });
const macro = (variable: string, key: string, source: string) => ({
  kind: "macro",
  variable,
  key,
  source,
});

describe("actions", () => {
  test.each([
    ["an id", "id:942100", [{ kind: "number", name: "id", value: 942100, class: "metadata" }]],
    ["a quoted id", "id:'1'", [{ name: "id", value: 1 }]],
    ["phases by number and name", "phase:3", [{ name: "phase", value: 3 }]],
    ["a named phase", "phase:request", [{ name: "phase", value: 2 }]],
    ["a named severity", "severity:'CRITICAL'", [{ name: "severity", value: 2 }]],
    ["a numbered severity", "severity:7", [{ name: "severity", value: 7 }]],
    ["flags and blanks", " deny , log,", [{ name: "deny", class: "disruptive" }, { name: "log" }]],
    ["a comma inside quotes", "msg:'a, b'", [{ name: "msg", text: "a, b" }]],
    ["an escaped quote", String.raw`msg:'a\'b\d'`, [{ text: String.raw`a'b\d` }]],
    [
      "a message with a macro",
      "logdata:'x %{TX.0}'",
      [{ parts: [text("x "), macro("TX", "0", "%{TX.0}")] }],
    ],
    ["the British transformation", "t:normalisePath", [{ transformation: "normalizePath" }]],
    [
      "allow with and without a scope",
      "allow,allow:phase",
      [{ scope: "transaction" }, { scope: "phase" }],
    ],
    ["initcol", "initcol:ip=%{REMOTE_ADDR}_x", [{ collection: "IP" }]],
    ["expirevar", "expirevar:'ip.a=%{tx.b}'", [{ collection: "IP", key: [text("a")] }]],
    ["setenv", "setenv:'a=b'", [{ variable: "a", value: [text("b")] }]],
    ["American spelling", "sanitizeArg:a", [{ name: "sanitiseArg" }]],
    ["nothing", "", []],
  ])("%s", (_, list, expected) => {
    const { report, faults } = collectFaults();
    expect(parseActions(list, report)).toMatchObject(expected);
    expect(faults).toEqual([]);
  });

  const a = [text("a")];
  test.each([
    ["sets", "tx.a=b", { key: a, op: "set", value: [text("b")] }],
    ["sets 1 without a value", "tx.a", { key: a, op: "set", value: [text("1")] }],
    ["adds", "'TX.a=+%{tx.b}'", { key: a, op: "add", value: [macro("TX", "b", "%{tx.b}")] }],
    ["subtracts", "tx.a=-5", { key: a, op: "subtract", value: [text("5")] }],
    ["removes", "!tx.a", { key: a, op: "unset", value: [] }],
    ["empties", "tx.a=", { key: a, op: "set", value: [] }],
    ["keeps = and . of the value", "tx.a=b=c.d", { key: a, op: "set", value: [text("b=c.d")] }],
    [
      "has macros in the name, even with =",
      "'tx.h_%{tx.0=}=/%{tx.0}/'",
      {
        key: [text("h_"), macro("TX", "0=", "%{tx.0=}")],
        op: "set",
        value: [text("/"), macro("TX", "0", "%{tx.0}"), text("/")],
      },
    ],
  ])("setvar %s", (_, written, expected) => {
    const { report, faults } = collectFaults();
    const [action] = parseActions(`setvar:${written}`, report);
    const common = { class: "non-disruptive", kind: "setvar", name: "setvar", collection: "TX" };
    expect(action).toEqual({ ...common, ...expected });
    expect(faults).toEqual([]);
  });

  test.each([
    [
      "a switch in the table's spelling",
      "ruleEngine=detectiononly",
      { option: "ruleEngine", value: "DetectionOnly" },
    ],
    ["parts", "auditLogParts=+E", { value: "+E" }],
    ["a range of ids", "ruleRemoveById=1-5", { ids: [{ first: 1, last: 5 }] }],
    [
      "a target by id",
      "ruleRemoveTargetById=942100;ARGS:pwd",
      {
        value: "942100",
        ids: [{ first: 942100, last: 942100 }],
        targets: [{ name: "ARGS", selector: { key: "pwd" } }],
      },
    ],
    [
      "a target with a pattern",
      "ruleRemoveTargetByTag=attack-sqli;ARGS:/^json\\.\\d+\\.x$/",
      {
        value: "attack-sqli",
        targets: [{ selector: { kind: "regex", source: "^json\\.\\d+\\.x$" } }],
      },
    ],
    [
      "a quoted key with a comma",
      "ruleRemoveTargetById=1;ARGS:'a,b'",
      {
        targets: [{ selector: { key: "a,b" } }],
      },
    ],
  ])("ctl takes %s", (_, written, expected) => {
    const { report, faults } = collectFaults();
    expect(parseActions(`ctl:${written}`, report)).toMatchObject([expected]);
    expect(faults).toEqual([]);
  });

  test.each([
    ["an unknown action", "denny", "seclang.action"],
    ["an unknown ctl option", "ctl:ruleEngin=Off", "seclang.action"],
    ["two ids", "id:1,id:2", "seclang.action"],
    ["an open quote", "msg:'a", "seclang.action"],
    ["text behind a quote", "msg:'a'b", "seclang.action"],
    ["an empty entry", "log,,pass", "seclang.action"],
    ["a script", "exec:/x.lua", "seclang.refused"],
    ["a phase of 6", "phase:6", "seclang.value"],
    ["an id of 0", "id:0", "seclang.value"],
    ["an id beyond 32 bits", "id:2147483648", "seclang.value"],
    ["an unknown severity", "severity:LOUD", "seclang.value"],
    ["a status of 99", "status:99", "seclang.value"],
    ["a flag with a value", "capture:1", "seclang.value"],
    ["a tag without a value", "tag", "seclang.value"],
    ["an unknown transformation", "t:lowercas", "seclang.value"],
    ["an unknown scope of allow", "allow:all", "seclang.value"],
    ["setvar without a collection", "setvar:a=1", "seclang.value"],
    ["setvar of a variable nobody may write", "setvar:args.a=1", "seclang.value"],
    ["setvar with only a sign", "setvar:tx.a=+", "seclang.value"],
    ["setvar that removes and sets", "setvar:!tx.a=1", "seclang.value"],
    ["ctl without a value", "ctl:ruleEngine", "seclang.value"],
    ["ctl with a wrong value", "ctl:ruleEngine=Maybe", "seclang.value"],
    ["ctl with a wrong id", "ctl:ruleRemoveById=x", "seclang.value"],
    ["ctl without its target", "ctl:ruleRemoveTargetById=1", "seclang.value"],
    ["ctl with an excluded target", "ctl:ruleRemoveTargetById=1;!ARGS", "seclang.value"],
    ["ctl with an unknown target", "ctl:ruleRemoveTargetById=1;ARGZ", "seclang.variable"],
    ["initcol of TX", "initcol:tx=1", "seclang.value"],
    ["expirevar without seconds", "expirevar:ip.a", "seclang.value"],
    ["an unknown macro", "msg:'%{nope}'", "seclang.macro"],
    ["a key on a single value", "msg:'%{REQUEST_URI.a}'", "seclang.macro"],
  ])("%s is a fault", (_, list, code) => {
    const { report, faults } = collectFaults();
    parseActions(list, report);
    expect(faults.map((fault) => fault.code)).toEqual([code]);
  });

  test("an open macro is text", () => {
    const { report, faults } = collectFaults();
    expect(parseActions("msg:'a %{b'", report)).toMatchObject([{ parts: [text("a %{b")] }]);
    expect(faults).toEqual([]);
  });
});
