import { describe, expect, test } from "vitest";
import { listenersSchema, serverLimitsSchema, DEFAULT_CONNECTION_AGE_MS } from "./config.ts";

const tls = { certificate: "file:a.crt", key: "file:a.key" };

describe("listeners", () => {
  test.each<[string, object[]]>([
    ["plain HTTP on loopback", [{ bind: "127.0.0.1:8080" }]],
    ["plain HTTP elsewhere, when said so", [{ bind: "0.0.0.0:8080", allowPlainHttp: true }]],
    ["TLS anywhere", [{ bind: "[::]:8443", tls }]],
    [
      "caller certificates",
      [{ bind: "[::]:8443", tls: { ...tls, callers: { mode: "require", ca: "file:ca.crt" } } }],
    ],
    ["two free ports", [{ bind: "127.0.0.1:0" }, { bind: "127.0.0.1:0" }]],
  ])("%s", (_, listeners) => {
    expect(listenersSchema.safeParse(listeners).success).toBe(true);
  });

  test.each<[string, object[], (string | number)[]]>([
    ["none", [], []],
    ["plain HTTP off loopback", [{ bind: "0.0.0.0:8080" }], [0, "bind"]],
    [
      "TLS 1.1",
      [{ bind: "[::]:1", tls: { ...tls, minVersion: "TLSv1.1" } }],
      [0, "tls", "minVersion"],
    ],
    [
      "caller certificates without authority",
      [{ bind: "[::]:1", tls: { ...tls, callers: { mode: "request" } } }],
      [0, "tls", "callers", "ca"],
    ],
    [
      "an authority nobody is asked about",
      [{ bind: "[::]:1", tls: { ...tls, callers: { ca: "file:ca" } } }],
      [0, "tls", "callers", "mode"],
    ],
    ["one address twice", [{ bind: "127.0.0.1:1" }, { bind: "127.0.0.1:1" }], [1, "bind"]],
    [
      "one name twice",
      [
        { bind: "127.0.0.1:1", name: "a" },
        { bind: "127.0.0.1:2", name: "a" },
      ],
      [1, "name"],
    ],
    ["an unknown key", [{ bind: "127.0.0.1:1", tsl: tls }], [0]],
  ])("refused: %s", (_, listeners, path) => {
    expect(listenersSchema.safeParse(listeners).error?.issues[0]?.path).toEqual(path);
  });
});

test("limits have defaults and take what people write", () => {
  const limits = serverLimitsSchema.parse({
    headerTimeout: "5s",
    headerBytes: "8KiB",
    streamResets: "10/s",
  });
  expect(limits).toMatchObject({
    headerTimeout: 5000,
    headerBytes: 8192,
    streamResets: { count: 10, perMs: 1000 },
    connectionAge: DEFAULT_CONNECTION_AGE_MS,
  });
  expect(serverLimitsSchema.safeParse({ headerTimeout: 5 }).success).toBe(false);
  expect(serverLimitsSchema.safeParse({ headerCount: 0 }).success).toBe(false);
});
