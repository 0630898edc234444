import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { FtwFileRefused } from "./ftw-test.ts";
import { readFtw, readFtwText } from "./read-ftw.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "ftw-"));
  directories.push(directory);
  mkdirSync(join(directory, "A"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const NEWER = `---
meta:
  author: "someone"
rule_id: 100
tests:
  - test_id: 1
    desc: "what it shows"
    stages:
      - input:
          dest_addr: 127.0.0.1
          port: 80
          method: POST
          uri: "/post"
          version: HTTP/1.0
          headers:
            Host: localhost
            Content-Length: 007
            X-Empty:
          data: "caf\\u00e9"
          autocomplete_headers: false
        output:
          log:
            expect_ids: [100, 101]
            no_expect_ids: [102]
            match_regex: 'ARGS:a'
          status: 200
`;

const OLDER = `---
  meta:
    author: someone
    enabled: true
    name: 100.yaml
  tests:
  -
    test_title: 100-1
    stages:
    -
      stage:
        input:
          dest_addr: 127.0.0.1
          protocol: http
          stop_magic: true
          data:
          - one
          - two
        output:
          log_contains: id "100"
          status: [403, 400]
`;

describe("a file of the published schema", () => {
  const [first] = readFtwText(NEWER, "a.yaml").tests;

  test("gives each test an id of rule and number", () => {
    expect(first).toMatchObject({ id: "100-1", file: "a.yaml", description: "what it shows" });
  });

  test("keeps values as they are spelled, in order, and text in UTF-8", () => {
    expect(first?.stages[0]?.input).toEqual({
      method: "POST",
      uri: "/post",
      version: "HTTP/1.0",
      headers: [
        ["Host", "localhost"],
        ["Content-Length", "007"],
        ["X-Empty", ""],
      ],
      data: "caf\xc3\xa9",
      wholeRequest: undefined,
      isCompleted: false,
      sendsZeroLength: true,
    });
  });

  test("says what is expected", () => {
    expect(first?.stages[0]?.expected).toMatchObject({
      expectIds: [100, 101],
      noExpectIds: [102],
      matchRegex: /ARGS:a/,
      statuses: [200],
      isErrorExpected: false,
    });
  });
});

describe("a file of the older form", () => {
  const [first] = readFtwText(OLDER, "a.yaml").tests;

  test("means the same", () => {
    expect(first?.id).toBe("100-1");
    expect(first?.stages[0]?.input).toMatchObject({
      method: "GET",
      uri: "/",
      version: "HTTP/1.1",
      data: "one\r\ntwo",
      isCompleted: false,
      sendsZeroLength: false,
    });
    expect(first?.stages[0]?.expected).toMatchObject({
      logContains: 'id "100"',
      statuses: [403, 400],
    });
  });
});

test("a whole request may be written as text or in base64", () => {
  const input = (line: string) =>
    readFtwText(NEWER.replace('data: "caf\\u00e9"', line), "f").tests[0]?.stages[0]?.input;
  expect(input("encoded_request: R0VUIC8=")?.wholeRequest).toBe("GET /");
  expect(input('raw_request: "GET /\\r\\n\\xac"')?.wholeRequest).toBe("GET /\r\n\xc2\xac");
});

test("the one template of the suite is written out", () => {
  const text = NEWER.replace('"caf\\u00e9"', `'a{{ "xy" | repeat 3 }}b'`);
  expect(readFtwText(text, "f").tests[0]?.stages[0]?.input.data).toBe("axyxyxyb");
});

describe("what is not understood is refused with the file's name", () => {
  test.each([
    ["an unknown key of the file", "rule_id: 100", "rule: 100", 'unknown key "rule"'],
    ["an unknown key of the input", "uri:", "url:", 'unknown key "url"'],
    ["an unknown assertion", "expect_ids", "expects_ids", 'unknown key "expects_ids"'],
    ["a rule id that is no number", "[100, 101]", "[x]", "must be a whole number"],
    ["a flag that is neither", "false", "no", "must be true or false"],
    ["a broken pattern", "'ARGS:a'", "'('", "is no regular expression"],
    ["another template", '"caf\\u00e9"', "'{{ now }}'", "a template"],
    [
      "a template that makes too much",
      '"caf\\u00e9"',
      `'{{ "aaaa" | repeat 9999999 }}'`,
      "a templ",
    ],
    ["a test without an id", "test_id: 1", "tags: []", "neither test_title"],
    ["broken YAML", "meta:", "meta: [", ""],
    ["the same key twice", "port: 80", "port: 80\n          port: 81", "unique"],
  ])("%s", (_name, from, to, problem) => {
    expect(() => readFtwText(NEWER.replace(from, to), "dir/a.yaml")).toThrow(FtwFileRefused);
    expect(() => readFtwText(NEWER.replace(from, to), "dir/a.yaml")).toThrow(/^dir\/a\.yaml: /);
    expect(() => readFtwText(NEWER.replace(from, to), "dir/a.yaml")).toThrow(problem);
  });

  test("a stage that expects nothing", () => {
    const text = NEWER.slice(0, NEWER.indexOf("        output:")).concat("        output: {}\n");
    expect(() => readFtwText(text, "f")).toThrow("expects nothing");
  });
});

describe("a directory", () => {
  test("is read whole, in order, and disabled files are counted", () => {
    const suite = readFtw(
      directoryOf({
        "b.yaml": NEWER,
        "A/c.yml": OLDER,
        "A/d.yaml": OLDER.replace("enabled: true", "enabled: false"),
        "A/empty.yaml": "",
        "README.md": "no test",
      }),
    );
    expect(suite.files).toBe(4);
    expect(suite.tests.map(({ file }) => file)).toEqual(["A/c.yml", "b.yaml"]);
    expect(suite.disabledFiles).toEqual(["A/d.yaml"]);
    expect(suite.disabledTests).toBe(1);
  });

  test("with one wrong file is refused", () => {
    const directory = directoryOf({ "a.yaml": OLDER, "A/b.yaml": "tests: 1\n" });
    expect(() => readFtw(directory)).toThrow(/^A\/b\.yaml: tests: must be a list$/);
  });
});
