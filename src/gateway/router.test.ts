import { describe, expect, test } from "vitest";
import { mayOverlap, parseTemplate } from "./path-template.ts";
import { Router } from "./router.ts";

describe("a path template", () => {
  test.each([
    ["core/x", /write "\/core\/x"/],
    ["/core//x", /empty segment/],
    ["/core/", /trailing slash/],
    ["/core/../x", /dot segments/],
    ["/a/**/b", /"\*\*" may only stand at the end/],
    ["/{model:slugg}", /unknown parameter type "slugg"; known: slug/],
    ["/{m:slug}/{m:slug}", /"m" occurs twice/],
    ["/a b", /neither a literal/],
    ["/a%2fb", /neither a literal/],
  ])("refuses %s", (text, message) => {
    expect(() => parseTemplate(text)).toThrow(message);
  });

  test.each([
    ["/churn/v2/predict", "/churn/v2/predict", true],
    ["/churn/v1/predict", "/churn/v2/predict", false],
    ["/{model:slug}/explain", "/churn/explain", true],
    ["/{model:int}/explain", "/churn/explain", false],
    ["/{id:int}", "/{id:uuid}", false],
    ["/{id:int}", "/{name:slug}", true],
    ["/core/**", "/core/x/y", true],
    ["/core/**", "/core", false],
    ["/core/**", "/cores/x", false],
    ["/**", "/anything", true],
    ["/core/**", "/core/admin/**", true],
    ["/a/{x}/c", "/a/b", false],
  ])("%s and %s may meet: %s", (a, b, expected) => {
    expect(mayOverlap(parseTemplate(a), parseTemplate(b))).toBe(expected);
    expect(mayOverlap(parseTemplate(b), parseTemplate(a))).toBe(expected);
  });
});

describe("the router", () => {
  const router = new Router<string>();
  for (const text of [
    "/churn/v2/predict",
    "/causal/{model:slug}/explain",
    "/jobs/{id:int}",
    "/core/**",
    "/files/{name}/**",
  ]) {
    router.add(parseTemplate(text), text);
  }

  test.each([
    ["/churn/v2/predict", "/churn/v2/predict", {}],
    ["/causal/uplift-3/explain", "/causal/{model:slug}/explain", { model: "uplift-3" }],
    ["/jobs/42", "/jobs/{id:int}", { id: "42" }],
    ["/core/a/b/c", "/core/**", {}],
    ["/files/x/y", "/files/{name}/**", { name: "x" }],
  ])("finds %s", (path, template, params) => {
    expect(router.find(path)).toEqual({ value: template, params });
  });

  test.each([
    "/",
    "/churn",
    "/churn/v2/predict/",
    "/Churn/v2/predict",
    "/core",
    "/jobs/forty",
    "/jobs/042",
    "/causal/-x/explain",
    "/causal/a/explain/more",
    "/__proto__",
  ])("finds nothing at %s", (path) => {
    expect(router.find(path)).toBeUndefined();
  });
});
