import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalUrl } from "./canonical-url.ts";

describe("a target that has one reading", () => {
  test.each([
    ["the root", "/", "/", ""],
    ["a plain path", "/churn/v2/predict", "/churn/v2/predict", ""],
    ["a trailing slash is another path", "/a/", "/a/", ""],
    ["sub-delimiters", "/a;b=1,c/@x:y!$&'()*+", "/a;b=1,c/@x:y!$&'()*+", ""],
    ["three dots and hidden files", "/.../.well-known/a..b/..c", "/.../.well-known/a..b/..c", ""],
    ["encoded letters are decoded", "/%63hurn/%7Ex%2D%5f", "/churn/~x-_", ""],
    ["an encoded dot inside a name is decoded", "/file%2etxt", "/file.txt", ""],
    ["hexadecimal digits become upper case", "/caf%c3%a9", "/caf%C3%A9", ""],
    ["an encoded space stays encoded", "/a%20b", "/a%20b", ""],
    ["an encoded percent sign alone", "/100%25", "/100%25", ""],
    ["an encoded question mark stays in the path", "/a%3Fb", "/a%3Fb", ""],
    ["a query as sent", "/a?b=%2f%2E&c=%252e", "/a", "b=%2f%2E&c=%252e"],
    ["a query with a question mark and slashes", "/a?b?c=//../x", "/a", "b?c=//../x"],
    ["brackets that URL libraries leave raw", "/a?f[0]={x}|y", "/a", "f[0]={x}|y"],
    ["line feeds of a multi-line query value", "/a?q=1%0A2", "/a", "q=1%0A2"],
  ])("%s", (_, target, path, query) => {
    expect(canonicalUrl(target)).toEqual({
      path,
      query,
      target: query === "" ? path : `${path}?${query}`,
    });
  });

  test("an empty query is no query", () => {
    expect(canonicalUrl("/a?")).toEqual({ path: "/a", query: "", target: "/a" });
  });
});

describe("a target that is refused", () => {
  test.each([
    ["nothing", ""],
    ["absolute-form", "http://gateway/churn/v2/predict"],
    ["authority-form", "gateway:443"],
    ["asterisk-form", "*"],
    ["a path without a slash", "churn/v2"],
    ["a fragment", "/a#b"],
    ["a fragment in the query", "/a?b#c"],
    ["a dot segment", "/a/./b"],
    ["a double-dot segment", "/a/../b"],
    ["a double-dot segment at the end", "/a/.."],
    ["a dot segment at the end", "/a/."],
    ["only a double-dot segment", "/.."],
    ["an encoded dot segment", "/a/%2e/b"],
    ["an encoded double-dot segment", "/a/%2e%2E/b"],
    ["a half encoded double-dot segment", "/a/.%2e/b"],
    ["a dot segment with a path parameter", "/a/..;/b"],
    ["a dot segment with an encoded path parameter", "/a/..%3b/b"],
    ["an encoded dot segment with a path parameter", "/a/%2e%2e;x=1/b"],
    ["an encoded slash", "/a%2fb"],
    ["an encoded slash in upper case", "/a%2Fb"],
    ["a backslash", "/a\\b"],
    ["an encoded backslash", "/a%5cb"],
    ["a double-dot segment behind a backslash", "/a\\..\\b"],
    ["an encoded NUL", "/a%00"],
    ["an encoded line break", "/a%0d%0aX:y"],
    ["an encoded DEL", "/a%7f"],
    ["a doubly encoded dot", "/a/%252e%252e/b"],
    ["a doubly encoded slash", "/a%252Fb"],
    ["a doubly encoded letter", "/%2541"],
    ["double encoding hidden behind an encoded digit", "/%25%32e"],
    ["double encoding hidden behind two encoded digits", "/%25%32%65"],
    ["a broken percent-encoding", "/a%2"],
    ["a percent sign alone", "/a%"],
    ["a percent sign before other letters", "/a%zz"],
    ["the %u form of other systems", "/a%u002e"],
    ["an overlong slash", "/a%c0%afb"],
    ["an overlong dot of three bytes", "/a%e0%80%aeb"],
    ["an overlong NUL", "/%c0%80"],
    ["a lone continuation byte", "/%80"],
    ["a cut sequence", "/%e2%82"],
    ["a surrogate half", "/%ed%a0%80"],
    ["a code point past the last", "/%f4%90%80%80"],
    ["Latin-1", "/caf%e9"],
    ["an empty segment", "/a//b"],
    ["an empty first segment", "//b"],
    ["an empty segment at the end", "/a//"],
    ["a space", "/a b"],
    ["a tab", "/a\tb"],
    ["a control character", "/a\u0001b"],
    ["NUL", "/a\0"],
    ["DEL", "/a\u007f"],
    ["a raw non-ASCII character", "/café"],
    ["a character behind Latin-1", "/\uff0e\uff0e/"],
    ["an angle bracket", "/<script>"],
    ["a quotation mark", '/"'],
    ["a square bracket in the path", "/a[0]"],
    ["NUL in the query", "/a?b=%00"],
    ["a space in the query", "/a?b= c"],
    ["a backslash in the query", "/a?b=\\"],
    ["a quotation mark in the query", '/a?b="'],
    ["a broken percent-encoding in the query", "/a?b=%"],
    ["an overlong form in the query", "/a?b=%c0%af"],
    ["non-ASCII in the query", "/a?b=é"],
    ["a line feed at the end", "/a\n"],
    ["a line feed at the end of the query", "/a?b\n"],
  ])("%s", (_, target) => {
    expect(typeof canonicalUrl(target)).toBe("string");
  });
});

describe("properties", () => {
  const piece = fc.constantFrom(
    ..."/.%;aZ09~-_?#\\ &=@:".split(""),
    ..."%2e %2E %2f %5c %25 %00 %41 %7e %c3%a9 %c0%af %3b .. // %e2%82%ac %32 \u00e9".split(" "),
  );
  const target = fc.array(piece, { maxLength: 14 }).map((pieces) => `/${pieces.join("")}`);
  const accepted = target
    .map((text) => canonicalUrl(text))
    .filter((url) => typeof url !== "string");

  test("the canonical form of a canonical form is itself", () => {
    fc.assert(
      fc.property(accepted, (url) => {
        expect(canonicalUrl(url.target)).toEqual(url);
      }),
      { numRuns: 3000 },
    );
  });

  test("no decoding of an accepted path, however often, makes a new segment", () => {
    fc.assert(
      fc.property(accepted, ({ path }) => {
        const segments = path.split("/").length;
        let decoded = path;
        for (let i = 0; i < 3; i++) {
          try {
            decoded = decodeURIComponent(decoded);
          } catch {
            break;
          }
        }
        expect(decoded.split("/")).toHaveLength(segments);
        expect(decoded).not.toMatch(/[\\\0]/);
        expect(decoded.split("/")).not.toContain("..");
        expect(decoded.split("/")).not.toContain(".");
      }),
      { numRuns: 3000 },
    );
  });

  test("an accepted target means the same to the URL standard", () => {
    fc.assert(
      fc.property(accepted, ({ path }) => {
        expect(new URL(`http://gateway${path}`).pathname).toBe(path);
      }),
      { numRuns: 3000 },
    );
  });

  test("two spellings of one path have one form", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^(?:\/[a-z0-9~_-]{1,5}){1,4}$/),
        fc.func(fc.boolean()),
        (path, pick) => {
          const spelled = path.replaceAll(/[a-z0-9~_-]/g, (character) =>
            pick(character) ? `%${character.charCodeAt(0).toString(16)}` : character,
          );
          expect(canonicalUrl(spelled)).toEqual({ path, query: "", target: path });
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("a long hostile path takes linear time", () => {
    const hostile = `/${"a".repeat(4000)}${"/..a".repeat(1000)}"`;
    const startedMs = performance.now();
    for (let i = 0; i < 100; i++) canonicalUrl(hostile);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});
