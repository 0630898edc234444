/** Content-Type values: the many spellings of one type, and those that must not be taken for it. */
import { describe, expect, test } from "vitest";
import { compileMediaTypes } from "./media-types.ts";

const kindOf = compileMediaTypes(["application/json", "application/vnd.x+json", "text/csv"]);

describe("a route that accepts JSON, a JSON type of its own and CSV", () => {
  test.each([
    ["application/json", "json"],
    ["APPLICATION/JSON", "json"],
    ["application/json;charset=utf-8", "json"],
    ["application/json; charset=utf-8", "json"],
    ['application/json; charset="UTF-8"', "json"],
    ["application/json ; charset=Utf-8 ; v=1", "json"],
    ["application/json;", "json"],
    ["application/json; ; charset=utf-8", "json"],
    ['application/json; note="a;b\\"c"; charset=utf-8', "json"],
    ["application/vnd.x+json", "json"],
    ["text/csv; header=present", "other"],
    [undefined, "refused"],
    ["", "refused"],
    ["application", "refused"],
    ["text/json", "refused"],
    ["application/jsonp", "refused"],
    ["application/vnd.y+json", "refused"],
    ["application/json, application/json", "refused"],
    ["application/json, text/plain", "refused"],
    ["application/json; charset=utf-16", "refused"],
    ["application/json; charset=utf-8; charset=utf-16", "refused"],
    ["application/json; charset=utf-8; charset=utf-8", "refused"],
    ['application/json; charset="utf-16"', "refused"],
    ["application/json; CHARSET=ibm037", "refused"],
    ["application/json; charset", "refused"],
    ["application/json; charset = utf-8", "refused"],
    ['application/json; note="open', "refused"],
    ["application/json charset=utf-8", "refused"],
    ["application/json\u00a0", "refused"],
  ])("%s is %s", (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });

  test("a long value is parsed in one pass", () => {
    for (const pump of [";", "; ", "; a=b", ' ;a="\\\\', "\t"]) {
      const from = process.cpuUsage();
      kindOf(`application/json${pump.repeat(16_384)}!`);
      const { user, system } = process.cpuUsage(from);
      expect((user + system) / 1000).toBeLessThan(50);
    }
  });
});
