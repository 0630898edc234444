import { describe, expect, test } from "vitest";
import { play } from "../transaction/play.test-support.ts";
import { loadRuleSet } from "./load-rule-set.ts";

const JSON_TYPE = "application/json";
const body = (bytes: number): string => `{"a":"${"x".repeat(bytes - 8)}"}`;

describe("settings of rule files", () => {
  test.each([
    ["SecRuleEngine Off: nothing runs", "SecRuleEngine Off", 0],
    ["SecRequestBodyAccess Off: no body is read", "SecRequestBodyAccess Off", 0],
    ["SecRequestBodyAccess On", "SecRequestBodyAccess On", 1],
  ])("%s", async (_, setting, matches) => {
    const rules = `${setting}\nSecRule ARGS:json.a "@streq b" "id:1,phase:2,pass"`;
    const report = await play(rules, { contentType: JSON_TYPE, body: '{"a":"b"}' });
    expect(report.matched).toHaveLength(matches);
  });

  test.each([
    ["SecRequestBodyLimit 64", 65, 413],
    ["SecRequestBodyLimit 64", 64, undefined],
    ["SecRequestBodyNoFilesLimit 64", 65, 413],
    ["SecRequestBodyJsonDepthLimit 0", 20, 400],
  ])("%s with %i bytes answers %s", async (setting, bytes, status) => {
    const report = await play(setting, { contentType: JSON_TYPE, body: body(bytes) });
    expect(report.interruption?.status).toBe(status);
  });

  test("SecRequestBodyLimitAction ProcessPartial inspects what fits", async () => {
    const rules = `SecRequestBodyLimit 40\nSecRequestBodyLimitAction ProcessPartial
      SecRule ARGS "@contains early" "id:1,phase:2,pass"
      SecRule ARGS "@contains late" "id:2,phase:2,pass"`;
    const sent = `a=early&b=${"x".repeat(40)}&c=late`;
    const contentType = "application/x-www-form-urlencoded";
    const report = await play(rules, { contentType, body: sent });
    expect(report.matched.map(({ id }) => id)).toEqual([1]);
    expect(report.interruption).toBeUndefined();
  });

  test("SecArgumentsLimit refuses more arguments", async () => {
    const report = await play("SecArgumentsLimit 2", {
      contentType: JSON_TYPE,
      body: '{"a":1,"b":2,"c":3}',
    });
    expect(report.fault).toBe("waf.body_unreadable");
  });

  test.each([
    ["SecResponseBodyMimeType text/css", "text/css", 1],
    ["SecResponseBodyMimeType text/css", "text/plain", 0],
    ["SecResponseBodyMimeTypesClear", "text/plain", 0],
    ["SecResponseBodyAccess Off", "text/plain", 0],
    ["SecResponseBodyLimit 4", "text/plain", 0],
  ])("%s with an answer of %s matches %i rules", async (setting, type, matches) => {
    const rules = `${setting}\nSecRule RESPONSE_BODY "@contains leak" "id:1,phase:4,pass"`;
    const response = { headers: [["Content-Type", type]] as const, body: "some leak" };
    expect((await play(rules, { response })).matched).toHaveLength(matches);
  });

  test("that change nothing here are told", () => {
    const text = "SecCookieFormat 1\nSecCookieFormat 0\nSecAuditEngine On\nSecDebugLogLevel 3";
    const ruleSet = loadRuleSet({ sources: [{ kind: "text", file: "a.conf", text }] });
    expect(ruleSet.warnings).toEqual(["a.conf:1: SecCookieFormat has no effect here"]);
  });
});
