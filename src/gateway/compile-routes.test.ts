import { describe, expect, test } from "vitest";
import { compileRoutes, type RouteTable } from "./compile-routes.ts";
import { rootSchema } from "./schema.ts";

/** The table of a configuration with the upstreams `one` and `two`. */
function tableOf(section: { models?: object; routes?: readonly object[] }): RouteTable {
  const target = { targets: ["http://127.0.0.1:9000"] };
  return compileRoutes(
    rootSchema.parse({
      version: 1,
      listeners: [{ bind: "127.0.0.1:0" }],
      upstreams: { one: target, two: target },
      ...section,
    }),
  );
}

const churn = (versions: object) => ({ models: { churn: { versions } } });

describe("a model version", () => {
  test("expands into its predict path and those of the Open Inference Protocol", () => {
    const { routes, mistakes } = tableOf(churn({ v2: { upstream: "one" } }));
    expect(mistakes).toEqual([]);
    expect(routes.map(({ route }) => [route.id, route.methods.join(), route.template])).toEqual([
      ["churn.v2.predict", "POST", "/churn/v2/predict"],
      ["churn.v2.infer", "POST", "/v2/models/churn/versions/v2/infer"],
      ["churn.v2.metadata", "GET,HEAD", "/v2/models/churn/versions/v2"],
      ["churn.v2.ready", "GET,HEAD", "/v2/models/churn/versions/v2/ready"],
    ]);
    for (const { route } of routes)
      expect(route).toMatchObject({ model: "churn", version: "v2", upstream: "one" });
  });

  test("serves only the protocols it names", () => {
    const { routes } = tableOf(churn({ v2: { upstream: "one", protocols: ["predict"] } }));
    expect(routes.map(({ route }) => route.id)).toEqual(["churn.v2.predict"]);
  });

  test("gives each path the schemas that are meant for it, and none to those without a body", () => {
    const { routes } = tableOf(
      churn({
        v2: {
          upstream: "one",
          request: "file:p.json",
          response: "file:q.json",
          inferRequest: "file:i.json",
          inferResponse: "file:j.json",
        },
      }),
    );
    expect(routes.map(({ request, response }) => [request?.path, response?.path])).toEqual([
      ["p.json", "q.json"],
      ["i.json", "j.json"],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  test("links each path to the same path of its successor", () => {
    const versions = {
      v1: { upstream: "one", status: "deprecated", successor: "v2" },
      v2: { upstream: "two" },
    };
    const { routes, mistakes } = tableOf(churn(versions));
    expect(mistakes).toEqual([]);
    expect(routes.map(({ successorPath }) => successorPath).slice(0, 5)).toEqual([
      "/churn/v2/predict",
      "/v2/models/churn/versions/v2/infer",
      "/v2/models/churn/versions/v2",
      "/v2/models/churn/versions/v2/ready",
      undefined,
    ]);
  });

  test("carries its body limit and mode to every path", () => {
    const { routes } = tableOf(
      churn({ v2: { upstream: "one", body: "2KiB", bodyMode: "stream" } }),
    );
    for (const { route } of routes)
      expect([route.bodyLimitBytes, route.bodyMode]).toEqual([2_048, "stream"]);
  });
});

describe("a route", () => {
  test.each([
    ["/core/**", "core.all"],
    ["/causal/{model:slug}/explain", "causal.model.explain"],
    ["/**", "root.all"],
    ["/a-b/c_d", "a-b.c_d"],
  ])("%s is called %s unless it has an id", (path, id) => {
    expect(tableOf({ routes: [{ path, upstream: "one" }] }).routes[0]?.route.id).toBe(id);
  });

  test.each([
    [["GET"], ["GET", "HEAD"]],
    [
      ["GET", "HEAD"],
      ["GET", "HEAD"],
    ],
    [["POST"], ["POST"]],
  ])("for %j answers %j", (methods, expected) => {
    const { routes } = tableOf({ routes: [{ path: "/x", methods, upstream: "one" }] });
    expect(routes[0]?.route.methods).toEqual(expected);
  });
});

describe("a mistake in the table is found with its place", () => {
  const upstream = "one";
  const MISTAKES = [
    [
      "an upstream that does not exist",
      { routes: [{ path: "/x", upstream: "three" }] },
      ["routes", 0, "upstream"],
      /no upstream "three"/,
      "upstreams: one, two",
    ],
    [
      "a name of the object's own machinery",
      { routes: [{ path: "/x", upstream: "constructor" }] },
      ["routes", 0, "upstream"],
      /no upstream "constructor"/,
      "upstreams: one, two",
    ],
    [
      "an unknown upstream of a model, once and not once for each of its paths",
      churn({ v1: { upstream: "three" } }),
      ["models", "churn", "versions", "v1", "upstream"],
      /no upstream "three"/,
      "upstreams: one, two",
    ],
    [
      "a successor that does not exist",
      churn({ v1: { upstream, status: "deprecated", successor: "v3" }, v2: { upstream } }),
      ["models", "churn", "versions", "v1", "successor"],
      /no version "v3"/,
      "versions: v1, v2",
    ],
    [
      "a path template that is none",
      { routes: [{ path: "/a/**/b", upstream }] },
      ["routes", 0, "path"],
      /may only stand at the end/,
      undefined,
    ],
    [
      "two routes that could match one path",
      {
        routes: [
          { path: "/a/{x}", upstream },
          { path: "/a/b", upstream },
        ],
      },
      ["routes", 1],
      /"\/a\/b" and "\/a\/\{x\}" could match the same path/,
      "the other stands at routes.0; make one of them narrower",
    ],
    [
      "the same path with other methods",
      {
        routes: [
          { path: "/a", id: "r", upstream },
          { path: "/a", methods: ["POST"], id: "w", upstream },
        ],
      },
      ["routes", 1],
      /could match the same path/,
      "the other stands at routes.0; make one of them narrower",
    ],
    [
      "a route in the way of a model",
      {
        ...churn({ v2: { upstream, protocols: ["predict"] } }),
        routes: [{ path: "/{model}/v2/predict", upstream }],
      },
      ["routes", 0],
      /could match the same path/,
      "the other stands at models.churn.versions.v2; make one of them narrower",
    ],
    [
      "two routes of one name",
      {
        routes: [
          { path: "/a", id: "r", upstream },
          { path: "/b", id: "r", upstream },
        ],
      },
      ["routes", 1],
      /two routes are called "r"/,
      "the other stands at routes.0; give one of them an `id`",
    ],
  ] as const;

  test.each(MISTAKES.map((row) => ({ name: row[0], row })))("$name", ({ row }) => {
    const [, section, at, message, hint] = row;
    const { mistakes } = tableOf(section);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]?.at).toEqual(at);
    expect(mistakes[0]?.message).toMatch(message);
    expect(mistakes[0]?.hint).toBe(hint);
  });

  test("and all of them at once", () => {
    const { mistakes } = tableOf({
      ...churn({ v1: { upstream: "three", status: "deprecated", successor: "v9" } }),
      routes: [
        { path: "/a", upstream: "four" },
        { path: "/a", upstream },
        { path: "//", upstream },
      ],
    });
    expect(mistakes.map(({ at }) => at.join(".")).sort()).toEqual([
      "models.churn.versions.v1.successor",
      "models.churn.versions.v1.upstream",
      "routes.0.upstream",
      "routes.1",
      "routes.1",
      "routes.2.path",
    ]);
  });
});
