/** The rules on the message itself: heads, names, bodies and what the scores come to. */
import { describe, expect, test } from "vitest";
import { builtinPolicy, inspect, matchedIds, type Sent } from "./inspect.test-support.ts";

const policy = builtinPolicy();
const detecting = builtinPolicy({ engine: "detectionOnly" });
const identifiers = builtinPolicy({ kind: "identifier", engine: "detectionOnly" });

const json = (value: unknown): Sent => ({ body: JSON.stringify(value) });
const head = (...headers: (readonly [string, string])[]): Sent => ({ headers });

const HEADS: readonly (readonly [number, Sent, Sent])[] = [
  [9501010, head(["Proxy", "http://x"]), head(["Proxy-Hint", "x"])],
  [9501020, head(["Host", "a.example"], ["Host", "b.example"]), head(["Host", "a.example"])],
  [
    9501030,
    head(["Transfer-Encoding", "chunked"], ["Content-Length", "3"]),
    head(["Transfer-Encoding", "chunked"]),
  ],
  [9501040, head(["Transfer-Encoding", "xchunked"]), head(["Transfer-Encoding", "chunked"])],
  [9501050, head(["Host", "a.example/x@b"]), head(["Host", "[2001:db8::1]:8443"])],
  [9501060, head(["X-Forwarded-Host", "a'b"]), head(["X-Forwarded-Host", "a.example:443, b"])],
  [9501070, head(["X-Original-URL", "/admin"]), head(["X-Original", "1"])],
  [9501080, head(["X-HTTP-Method-Override", "PUT"]), head(["X-Method", "PUT"])],
  [9501090, { method: "TRACE" }, { method: "GET" }],
  [9501100, head(["Range", "bytes=0-1,2-3,4-5,6-7,8-9,1-2"]), head(["Range", "bytes=0-1,2-3"])],
  [9501110, head(["User-Agent", "sqlmap/1.8"]), head(["User-Agent", "Mozilla/5.0 (X11)"])],
  [9501120, head(["Acunetix-Product", "WVS"]), head(["X-Scans", "3"])],
];

const BODIES: readonly (readonly [number, Sent, Sent])[] = [
  [9501140, { body: '{"a":' }, { body: '{"a":1}' }],
  [9501140, { body: "[".repeat(200) + "]".repeat(200) }, { body: "[[[1]]]" }],
  [
    9501165,
    { body: '{"a":1}', contentType: "text/plain" },
    { body: "a", contentType: "text/plain" },
  ],
  [
    9501165,
    { body: '[{"a":1}]', contentType: "application/x-www-form-urlencoded" },
    { body: "a=[1]", contentType: "application/x-www-form-urlencoded" },
  ],
  [9511010, json({ user: { $ne: 1 } }), json({ $ref: "#/a", $comment: "x", price: "$5" })],
  [9511010, { target: "/v1?a[$gt]=1" }, { target: "/v1?a[gt]=1" }],
  [9517030, { body: '{"__proto__":{"a":1}}' }, { body: '{"proto":{"a":1}}' }],
  [9517030, json({ constructor: { prototype: { a: 1 } } }), json({ prototype: { a: 1 } })],
  [9517140, json({ "@type": "com.sun.rowset.JdbcRowSetImpl" }), json({ "@type": "Product" })],
];

const IDENTIFIERS: readonly (readonly [number, string, string])[] = [
  [9501210, "gpt 4", "gpt-4o-mini"],
  [9501210, "a'b", "ft:gpt-4o:my-org::abc123"],
  [9501220, "../x", "meta-llama/Llama-3.1-8B-Instruct"],
  [9501220, "http://x", "anthropic.claude-v2:1"],
  [9501230, "a".repeat(300), "a".repeat(200)],
];

const ORDINARY_HEADS: readonly (readonly [string, Sent])[] = [
  [
    "a browser on the same machine",
    {
      target: "/v1/chat/completions?api-version=2024-02-01&stream=true",
      headers: [
        ["Host", "localhost:8080"],
        ["Origin", "http://localhost:5173"],
        ["Referer", "http://localhost:5173/chat?id=1#top"],
        ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"],
        ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
        ["Accept-Language", "en-US,en;q=0.5"],
        ["Cookie", 'session=abc.def-123; theme="dark"; _ga=GA1.2.1.2; prefs=%7B%22a%22%3A1%7D'],
        ["Sec-CH-UA", '"Chromium";v="124", "Not-A.Brand";v="99"'],
        ["Sec-Fetch-Mode", "cors"],
        ["If-None-Match", 'W/"33a64df5"'],
      ],
    },
  ],
  [
    "a proxy in front",
    {
      target: "/v1/files/file-abc123/content",
      headers: [
        ["X-Forwarded-For", "198.51.100.7, 10.0.0.1"],
        ["X-Forwarded-Host", "api.example.com:443"],
        ["X-Real-IP", "10.0.0.1"],
        ["Forwarded", 'for="[2001:db8::1]:4711";proto=https;by=203.0.113.43'],
        ["Via", "1.1 proxy-1 (squid/5.2), 2.0 edge"],
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        ["tracestate", "vendor=t61rcWkgMzE;s=1"],
        ["X-Request-Id", "3f2b1c7e-9a21-4c0e-b3b7-aa0b7e0b7a11"],
      ],
    },
  ],
  [
    "a signed call",
    {
      headers: [
        ["Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"],
        ["DPoP", "eyJ0eXAiOiJkcG9wK2p3dCJ9.eyJqdGkiOiJhIn0.c2ln"],
        ["Signature-Input", 'sig1=("@method" "@path");created=1618884473;keyid="k"'],
        ["Signature", "sig1=:K2qGT5srn2OGbOIDzQ6kYT+ruaycnDAAUpKv+ePFfD0=:"],
        ["Content-Digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"],
        ["X-Amz-Date", "20240115T000000Z"],
      ],
    },
  ],
];

describe("a message", () => {
  test.each(ORDINARY_HEADS)("of %s matches nothing", async (_, sent) => {
    expect(matchedIds(await inspect(detecting, sent))).toEqual([]);
  });

  test.each(HEADS)("matches %i by its head, and not by one alike", async (id, attack, ordinary) => {
    expect(matchedIds(await inspect(detecting, attack))).toContain(id);
    expect(matchedIds(await inspect(detecting, ordinary))).not.toContain(id);
  });

  test.each(BODIES)(
    "matches %i by its body, and not by one alike",
    async (id, attack, ordinary) => {
      expect(matchedIds(await inspect(detecting, attack))).toContain(id);
      expect(matchedIds(await inspect(detecting, ordinary))).not.toContain(id);
    },
  );

  test.each(IDENTIFIERS)("matches %i by the identifier %j, not by %j", async (id, bad, good) => {
    expect(matchedIds(await inspect(identifiers, json({ model: bad })))).toContain(id);
    expect(matchedIds(await inspect(identifiers, json({ model: good })))).toEqual([]);
  });

  test("is refused by its head before a body is read", async () => {
    const report = await inspect(policy, { ...json({ a: 1 }), headers: [["User-Agent", "nikto"]] });
    expect(report.interruption).toMatchObject({ status: 403, ruleId: 9_599_010 });
  });

  test("is refused by its score, which names class and level", async () => {
    const report = await inspect(policy, json({ q: "1 union select 1,2" }));
    expect(report.interruption).toMatchObject({ status: 403, ruleId: 9_599_020 });
    expect(report.scores["builtin_sqli_score"]).toBeGreaterThanOrEqual(5);
    expect(report.scores["builtin_pl1_score"]).toBe(report.scores["builtin_anomaly_score"]);
  });

  test.each([
    [
      "below the threshold",
      { inbound_anomaly_score_threshold: "20" },
      "http://10.0.0.1/",
      undefined,
    ],
    ["at the threshold", { inbound_anomaly_score_threshold: "5" }, "http://10.0.0.1/", 403],
    ["with a rule of a level that is off", { blocking_paranoia_level: "1" }, "{{name}}", undefined],
    ["with a rule of a level that is on", { blocking_paranoia_level: "2" }, "{{name}}", 403],
    ["with other points", { critical_anomaly_score: "1" }, "http://10.0.0.1/", undefined],
  ])("%s", async (_, tx: Record<string, string>, url, status) => {
    const report = await inspect(builtinPolicy({ tx }), json({ url }));
    expect(report.interruption?.status).toBe(status);
  });

  test.each([
    ["max_num_args", "3", json({ a: 1, b: 2, c: 3, d: 4 }), json({ a: 1 })],
    ["total_arg_length", "40", json({ a: "x".repeat(50) }), json({ a: "x" })],
    ["arg_length", "10", json({ a: "x".repeat(11) }), json({ a: "x" })],
    ["arg_name_length", "10", json({ ["n".repeat(11)]: 1 }), json({ n: 1 })],
  ])("is bounded by %s where that is set", async (name, value, large, small) => {
    const bounded = builtinPolicy({ tx: { [name]: value } });
    expect((await inspect(bounded, large)).interruption?.status).toBe(403);
    expect((await inspect(bounded, small)).interruption).toBeUndefined();
    expect((await inspect(policy, large)).interruption).toBeUndefined();
  });
});
