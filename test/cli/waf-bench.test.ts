/** `portcullis waf bench`: that it measures what it says; never how fast this machine is. */
import { describe, expect, test } from "vitest";
import { BENCH_KINDS, randomFrom, varied } from "../../src/cli/waf/bench-requests.ts";
import { filesOf, runWaf } from "./waf-commands.ts";

const RULES = `SecRule ARGS "@rx ^(?:evil|bad)+x" "id:1,phase:2,deny,t:none,t:lowercase"\n`;
const HEAD =
  "POST /v1/a1?page=123 HTTP/1.1\r\nHost: a12.example\r\nX-Id: 4567\r\nContent-Type: application/json\r\n";

describe("portcullis waf bench", () => {
  test("measures three kinds of requests, and refuses none of them", async () => {
    const [file = ""] = filesOf({ "own.conf": RULES });
    const { code, stdout, stderr } = await runWaf(
      "bench",
      "--rules",
      file,
      "--seconds",
      "1",
      "--json",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { kinds, rules, sampled } = JSON.parse(stdout);
    expect(rules).toBe(1);
    expect(Object.keys(kinds)).toEqual(Object.keys(BENCH_KINDS));
    for (const measured of Object.values(kinds)) {
      expect(measured).toMatchObject({ refused: 0 });
      const { requests, medianMicros, p99Micros, perSecondPerCore } = measured as Record<
        string,
        number
      >;
      expect(requests).toBeGreaterThan(0);
      expect(p99Micros).toBeGreaterThanOrEqual(medianMicros ?? 0);
      expect(perSecondPerCore).toBeGreaterThan(0);
    }
    const shares = sampled.rooms.map(({ share }: { share: number }) => share);
    expect(shares.reduce((a: number, b: number) => a + b, 0)).toBeCloseTo(1);
  });

  test("measures a given request, and tells how many were refused", async () => {
    const [file = "", request = ""] = filesOf({
      "own.conf": RULES,
      "request.http": `${HEAD}\r\n{"q":"evilx"}`,
    });
    const { stdout } = await runWaf(
      "bench",
      "--rules",
      file,
      "--request",
      request,
      "--seconds",
      "1",
    );
    expect(stdout).toMatch(/^the request +\d+ +[\d.]+ +[\d.]+ +\d+ +100\.0 %$/m);
    expect(stdout).toContain("where the time goes");
  });

  test("tells whose pattern takes the time", async () => {
    // Every letter is the beginning of a match that comes to nothing after a hundred more.
    const [file = "", request = ""] = filesOf({
      "slow.conf": 'SecRule ARGS "@rx [a-z]{100}!" "id:77,phase:2,pass"\n',
      "request.http": `${HEAD}\r\n{"q":"${"a".repeat(5_000)} !"}`,
    });
    const args = ["--rules", file, "--request", request, "--seconds", "1"];
    const { stdout } = await runWaf("bench", ...args);
    expect(stdout).toMatch(/^ +\d+\.\d % {2}77$/m);
  });

  test("refuses a span that is none", async () => {
    await expect(runWaf("bench", "--seconds", "0")).rejects.toThrow("Write a number above 0");
  });
});

describe("the requests", () => {
  test.each(Object.entries(BENCH_KINDS))(
    "%s: each is new, the same seed gives the same",
    (_kind, make) => {
      const random = randomFrom(7);
      const bodies = Array.from({ length: 50 }, () => JSON.stringify(make(random)));
      expect(new Set(bodies).size).toBe(50);
      expect(JSON.stringify(make(randomFrom(7)))).toBe(bodies[0]);
    },
  );

  test("a JSON body has 600 bytes and 20 fields or so", () => {
    const { body } = (BENCH_KINDS["JSON, 600 bytes, 20 fields"] as (typeof BENCH_KINDS)[string])(
      randomFrom(1),
    );
    expect(body.length).toBeGreaterThan(500);
    expect(body.length).toBeLessThan(750);
  });

  test("a given request keeps its shape: only digits of longer numbers differ", () => {
    const body = Buffer.from('{"n":1042,"one":1,"q":"1=1","é":[10,20]}');
    const make = varied({
      head: {
        method: "POST",
        target: "/v2/a?id=987",
        protocol: "HTTP/1.1",
        headers: [
          ["Host", "h12.example"],
          ["Content-Length", String(body.length)],
          ["X-Id", "31337"],
        ],
      },
      body,
    });
    const one = make(randomFrom(1));
    const text = Buffer.from(one.body).toString("utf8");
    expect(text).toMatch(/^\{"n":[1-9]0[1-9]{2},"one":1,"q":"1=1","é":\[[1-9]0,[1-9]0\]\}$/);
    expect(one.head.target).toMatch(/^\/v2\/a\?id=[1-9]{3}$/);
    expect(one.head.headers).toEqual([
      ["Host", "h12.example"],
      ["Content-Length", String(body.length)],
      ["X-Id", expect.stringMatching(/^[1-9]{5}$/)],
    ]);
    expect(make(randomFrom(2)).head.target).not.toBe(one.head.target);
  });
});
