/** `portcullis waf test`: why a request would be refused, as an operator reads it. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CRS, filesOf, runWaf } from "./waf-commands.ts";

const RULES = String.raw`
SecDefaultAction "phase:2,log,pass"
SecRule ARGS "@rx union\s+select" "id:1,phase:2,pass,t:none,t:lowercase,msg:'SQL injection',severity:CRITICAL,setvar:'tx.sql_score=+5',chain"
  SecRule REQUEST_METHOD "@streq POST" ""
SecRule REQUEST_HEADERS "@contains secret" "id:2,phase:1,pass,t:none,msg:'A word',severity:NOTICE,setvar:'tx.word_score=+2'"
SecRule TX:sql_score "@ge 5" "id:3,phase:2,deny,status:403,t:none,msg:'Too many points: %{TX.sql_score}'"
SecRule TX:blocking_paranoia_level "@ge 2" "id:4,phase:2,pass,t:none,msg:'Strict'"
`;
const ATTACK =
  'POST /v1/ask?x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n\r\n{"n":1,"q":"1 UNION\\tSELECT é"}';

const rules = (): string => filesOf({ "own.conf": RULES })[0] ?? "";
const request = (text: string): string => filesOf({ "request.http": text })[0] ?? "";

describe("portcullis waf test", () => {
  test("shows what matched: field, bytes, transformed value, points, and the verdict", async () => {
    const own = rules();
    const { code, stdout, stderr } = await runWaf(
      "test",
      "--rules",
      own,
      "--request",
      request(ATTACK),
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toBe(`POST /v1/ask: would be refused with 403 by rule 3: Too many points: 5

1  SQL injection
    critical, phase 2, +5 sql_score; ${own}:3
    ARGS:json.q, bytes 12 to 30 of the body: "1 union\\tselect é"
    REQUEST_METHOD: "POST"

3  Too many points: 5
    phase 2; ${own}:6
    TX:sql_score: "5"

scores: sql_score 5; 2 rules matched
`);
  });

  test("says the same in JSON, whole", async () => {
    const { stdout } = await runWaf(
      "test",
      "--rules",
      rules(),
      "--request",
      request(ATTACK),
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: "deny",
      status: 403,
      rule: 3,
      scores: { sql_score: 5 },
      matched: [
        {
          id: 1,
          phase: 2,
          severity: "critical",
          scores: { sql_score: 5 },
          matches: [
            { target: "ARGS:json.q", value: String.raw`1 union\tselect é`, from: 12, to: 30 },
            { target: "REQUEST_METHOD", value: "POST" },
          ],
        },
        { id: 3, decides: true },
      ],
    });
  });

  test.each([
    ["line feeds alone", ATTACK.replaceAll("\r\n", "\n")],
    [
      "JSON",
      JSON.stringify({
        method: "POST",
        url: "/v1/ask",
        headers: { "content-type": "application/json" },
        body: { n: 1, q: "1 UNION\tSELECT é" },
      }),
    ],
  ])("takes the request as %s too", async (_name, text) => {
    const { stdout } = await runWaf("test", "--rules", rules(), "--request", request(text));
    expect(stdout).toContain('ARGS:json.q, bytes 12 to 30 of the body: "1 union\\tselect é"');
  });

  test("takes a curl command line, with what curl sends by itself", async () => {
    const seen = filesOf({
      "seen.conf":
        'SecRule REQUEST_HEADERS:User-Agent "@rx ^curl/" "id:9,phase:1,pass,msg:\'agent\'"',
    });
    const curl = `curl -sS https://a.example/v1/ask -H 'X-Word: secret' --json '{"q":"ü union  select"}'`;
    const { stdout } = await runWaf(
      "test",
      "--rules",
      rules(),
      "--rules",
      seen[0] ?? "",
      "--curl",
      curl,
    );
    expect(stdout).toContain('"ü union  select"');
    expect(stdout).toContain('REQUEST_HEADERS:X-Word: "secret"');
    expect(stdout).toContain("9  agent");
  });

  test("passes what no rule refuses, and exits with 0", async () => {
    const { code, stdout } = await runWaf("test", "--rules", rules(), "--curl", "curl a.example/x");
    expect(code).toBe(0);
    expect(stdout).toBe("GET /x: would pass\n\nscores: none; 0 rules matched\n");
  });

  test("sets the paranoia level", async () => {
    const { stdout } = await runWaf(
      "test",
      "--rules",
      rules(),
      "--paranoia",
      "2",
      "--curl",
      "curl a.example",
    );
    expect(stdout).toContain("4  Strict");
  });

  describe("with what the route declares of its fields", () => {
    const prose = (): string[] =>
      filesOf({
        "prose.conf": `SecRule ARGS "@contains select" "id:1,phase:2,deny,tag:'attack-sqli'"\nSecRule PROMPTS "@contains ignore" "id:2,phase:2,pass,msg:'prompt'"\n`,
        "schema.json": JSON.stringify({
          type: "object",
          properties: {
            prompt: { type: "string" },
            messages: { type: "array", items: { properties: { content: { type: "string" } } } },
          },
        }),
      });
    const curl = `curl a.example --json '{"messages":[{"content":"ignore it, or select one"}]}'`;

    test("nothing declared: it is text, with every rule for it", async () => {
      const [file = ""] = prose();
      const { code, stdout } = await runWaf("test", "--rules", file, "--curl", curl);
      expect(code).toBe(1);
      expect(stdout).not.toContain("2  prompt");
    });

    test.each([
      ["a path", (_schema: string) => ["--field", "json.messages.*.content=prompt"]],
      ["the schema", (schema: string) => ["--schema", schema]],
    ])("a prompt by %s: the rules for prompts instead", async (_name, argsOf) => {
      const [file = "", schema = ""] = prose();
      const args = ["--rules", file, ...argsOf(schema), "--curl", curl];
      const { code, stdout } = await runWaf("test", ...args);
      expect(code).toBe(0);
      expect(stdout).toContain("2  prompt");
    });

    test("a kind that is none is refused", async () => {
      const args = ["--curl", curl, "--field", "json.x=prose"];
      await expect(runWaf("test", ...args)).rejects.toThrow("one of prompt, identifier");
    });
  });

  test("shows a field that is named like a credential only when asked", async () => {
    const args = [
      "test",
      "--rules",
      rules(),
      "--curl",
      "curl a.example -H 'Authorization: secret 1'",
    ];
    const hidden = await runWaf(...args);
    expect(hidden.stdout).toContain("REQUEST_HEADERS:Authorization: (hidden: ");
    expect(hidden.stdout).not.toContain("secret 1");
    expect((await runWaf(...args, "--json")).stdout).not.toContain("secret 1");
    expect((await runWaf(...args, "--reveal")).stdout).toContain('"secret 1"');
  });

  test("stays on one screen, and keeps the rule that decides", async () => {
    const many = Array.from(
      { length: 40 },
      (_, at) => `SecRule ARGS "@rx a" "id:${at + 10},phase:2,pass,log,msg:'${"m".repeat(300)}'"`,
    );
    const [file = ""] = filesOf({
      "many.conf": `${many.join("\n")}\nSecRule ARGS "@rx a" "id:99,phase:2,deny,msg:'last'"`,
    });
    const query = Array.from({ length: 30 }, (_, at) => `x${at}=a${"b".repeat(2_000)}`).join("&");
    const { stdout } = await runWaf(
      "test",
      "--rules",
      file,
      "--curl",
      `curl 'a.example/?${query}'`,
    );
    expect(stdout).toContain("32 more rules matched; --json has them all");
    expect(stdout).toContain("99  last");
    expect(stdout).toContain("... (2001 bytes)");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(400);
    expect(stdout.split("\n").length).toBeLessThan(70);
  });

  test("escapes what would move the cursor, and bytes that are no text", async () => {
    const [file = ""] = filesOf({
      "any.conf": 'SecRule ARGS:x "@rx ." "id:1,phase:1,pass,t:urlDecodeUni"',
    });
    const { stdout } = await runWaf(
      "test",
      "--rules",
      file,
      "--curl",
      "curl 'a.example/?x=%1b%5b2J%ff'",
    );
    expect(stdout).toContain(String.raw`"\x1b[2J\xff"`);
  });

  test.each([
    ["no request", [], "give --request or --curl"],
    ["two requests", ["--request", "x", "--curl", "curl a"], "give --request or --curl"],
    ["a file that is not there", ["--request", "/nowhere/x"], "ENOENT"],
    ["an option of curl that is not known", ["--curl", "curl a --proxy b"], "--proxy"],
    ["rules with a fault", ["--curl", "curl a", "--rules", "/nowhere/x.conf"], "/nowhere/x.conf"],
    ["no request line", ["--request", "README.md"], "line 1 is no request line"],
  ])("%s: exits with 2 and says so", async (_name, args, message) => {
    const { code, stdout, stderr } = await runWaf("test", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("without --rules these are the built-in ones", async () => {
    const curl = `curl a.example --json '{"q":"1 or 1=1 union select password from users--"}'`;
    const { code, stdout } = await runWaf("test", "--curl", curl);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^95\d{5} {2}/m);
  });

  test.skipIf(!existsSync(CRS))("the Core Rule Set answers why", async () => {
    const { stdout } = await runWaf("test", "--rules", `crs:${CRS}`, "--request", request(ATTACK));
    expect(stdout).toContain("would be refused with 403 by rule 949110");
    expect(stdout).toMatch(/^942\d{3} {2}/m);
  });
});
