/** Which route stands for which: the same thing of the other version, and nothing else. */
import { describe, expect, test } from "vitest";
import { routeOf } from "../../../test/support/context.ts";
import type { Route } from "../../pipeline/request-context.ts";
import { standInFor, targetOn } from "./served-route.ts";

const at = (template: string, version: string, changes: Partial<Route> = {}): Route =>
  routeOf({ id: template, template, version, ...changes });

describe("the route that stands for another", () => {
  test.each([
    {
      name: "predict",
      own: "/churn/v2/predict",
      other: "/churn/v1/predict",
      path: "/churn/v2/predict",
      expected: "/churn/v1/predict",
    },
    {
      name: "Open Inference, whose own prefix looks like a version",
      own: "/v2/models/churn/versions/v2/infer",
      other: "/v2/models/churn/versions/v1/infer",
      path: "/v2/models/churn/versions/v2/infer",
      expected: "/v2/models/churn/versions/v1/infer",
    },
    {
      name: "parameters, which are kept",
      own: "/v2/{customer:slug}/score",
      other: "/v1/{customer:slug}/score",
      path: "/v2/v2/score",
      expected: "/v1/v2/score",
    },
    {
      name: "all below",
      own: "/core/v2/**",
      other: "/core/v1/**",
      path: "/core/v2/a/v2/b",
      expected: "/core/v1/a/v2/b",
    },
  ])("$name", ({ own, other, path, expected }) => {
    const route = at(own, "v2");
    const standIn = standInFor(route, "v1", [route, at(other, "v1")]);
    expect(standIn?.route.template).toBe(other);
    expect(standIn && targetOn(standIn, path, "")).toBe(expected);
    expect(standIn && targetOn(standIn, path, "a=/v2/")).toBe(`${expected}?a=/v2/`);
  });

  test.each<[string, Route[]]>([
    ["there is none", []],
    ["it is another model's", [at("/churn/v1/predict", "v1", { model: "fraud" })]],
    ["it is another version's", [at("/churn/v1/predict", "v3")]],
    ["it does another thing", [at("/churn/v1/explain", "v1")]],
    ["it is longer", [at("/churn/v1/predict/all", "v1")]],
    ["it takes fewer methods", [at("/churn/v1/predict", "v1", { methods: ["GET"] })]],
    ["its path is the same", [at("/churn/v2/predict", "v1")]],
    ["there are two", [at("/churn/v1/predict", "v1"), at("/churn/v1/predict", "v1")]],
  ])("none when %s", (_, others) => {
    expect(standInFor(at("/churn/v2/predict", "v2"), "v1", others)).toBeUndefined();
  });
});
