/** What an operator may say about edges, and what is refused where it stands. */
import { describe, expect, test } from "vitest";
import { EDGE_TOPICS, edgeSchema } from "./edge-config.ts";

const THUMBPRINT = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg";
const PEERS = [{ san: "DNS:edge.internal" }];

const problems = (section: unknown) =>
  edgeSchema
    .safeParse(section)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

describe("the edge section", () => {
  test("the defaults: every fact but break-glass, and no way of logging in", () => {
    expect(edgeSchema.parse({ peers: PEERS })).toEqual({
      peers: PEERS,
      facts: [...EDGE_TOPICS],
      panic: false,
      samePack: false,
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ["a thumbprint", { peers: [{ thumbprint: THUMBPRINT }] }],
    [
      "several edges",
      { peers: [...PEERS, { thumbprint: THUMBPRINT }, { san: "URI:spiffe://a/b" }] },
    ],
    ["how users log in", { authMethod: "access-passkey", rpId: "app.example" }],
    ["break-glass beside TLS", { facts: ["tls"], panic: true }],
    ["break-glass alone", { facts: [], panic: true }],
  ])("%s is accepted", (_, changes) => {
    expect(problems({ peers: PEERS, ...changes })).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["no peer", { peers: [] }, "peers: "],
    ["a peer by nothing", { peers: [{}] }, "peers.0: an edge is known by either"],
    ["a peer by both", { peers: [{ ...PEERS[0], thumbprint: THUMBPRINT }] }, "peers.0: an edge"],
    ["a peer by its address", { peers: [{ address: "10.0.0.1" }] }, "peers.0: "],
    ["a name without its kind", { peers: [{ san: "edge.internal" }] }, "peers.0.san: "],
    ["a name of another kind", { peers: [{ san: "CN:edge" }] }, "peers.0.san: "],
    ["an empty name", { peers: [{ san: "DNS:" }] }, "peers.0.san: "],
    ["a name with a space", { peers: [{ san: "DNS:a b" }] }, "peers.0.san: "],
    ["a hexadecimal thumbprint", { peers: [{ thumbprint: "ab".repeat(32) }] }, "peers.0.thumb"],
    ["a padded thumbprint", { peers: [{ thumbprint: `${THUMBPRINT}=` }] }, "peers.0.thumbprint: "],
    [
      "a thumbprint that no certificate can have",
      { peers: [{ thumbprint: `${THUMBPRINT.slice(0, 42)}h` }] },
      "peers.0.thumbprint: ",
    ],
    ["an edge twice", { peers: [...PEERS, ...PEERS] }, "peers.1: this edge is listed already"],
    ["no facts", { facts: [] }, "facts: edges that are believed in nothing"],
    ["an unknown fact", { facts: ["headers"] }, "facts.0: "],
    [
      "a login without users",
      { facts: ["tls"], authMethod: "x" },
      "authMethod: no edge is believed",
    ],
    ["a party without users", { facts: ["tls"], rpId: "x" }, "rpId: no edge is believed"],
    ["a login of two words", { authMethod: "pass key" }, "authMethod: "],
    ["an unknown key", { trust: true }, ": "],
  ])("%s is refused", (_, changes, at) => {
    expect(problems({ peers: PEERS, ...changes })[0]).toContain(at);
  });
});
