import { describe, expect, test } from "vitest";
import { splitTarget } from "./request-target.ts";

describe("a request-target", () => {
  test.each([
    ["/", "/", undefined, "/", ""],
    ["", "", undefined, "", ""],
    ["*", "*", undefined, "*", "*"],
    ["/a/b.php?x=1", "/a/b.php", "x=1", "/a/b.php?x=1", "b.php"],
    ["/a/?", "/a/", "", "/a/?", ""],
    ["/a?b?c", "/a", "b?c", "/a?b?c", "a"],
    ["/a\\b", "/a\\b", undefined, "/a\\b", "b"],
    ["/a?x=/b.php", "/a", "x=/b.php", "/a?x=/b.php", "a"],
    ["//evil/x", "//evil/x", undefined, "//evil/x", "x"],
    ["/../../etc/passwd", "/../../etc/passwd", undefined, "/../../etc/passwd", "passwd"],
    ["example.com:443", "example.com:443", undefined, "example.com:443", "example.com:443"],
  ])("%j is the path %j, the query %j, the URI %j and the base name %j", (...row) => {
    const [target, path, query, uri, baseName] = row;
    expect(splitTarget(target)).toEqual({
      path,
      query,
      uri,
      baseName,
      authority: "",
      fragment: "",
    });
  });

  test.each([
    ["/dump%2Erdb", "/dump.rdb", "dump.rdb"],
    ["/a%2fb", "/a/b", "b"],
    ["/a%252e", "/a%2e", "a%2e"],
    ["/a+b", "/a+b", "a+b"],
    ["/a%zz%4", "/a%zz%4", "a%zz%4"],
    ["/%C3%a5%00", "/\xc3\xa5\0", "\xc3\xa5\0"],
  ])("has the escapes of its path undone once: %j is %j", (target, path, baseName) => {
    expect(splitTarget(target)).toMatchObject({ path, uri: path, baseName });
  });

  test("keeps its query as it was sent, also in REQUEST_URI", () => {
    expect(splitTarget("/%41?q=%41+b")).toMatchObject({ query: "q=%41+b", uri: "/A?q=%41+b" });
  });

  test.each([
    ["/a#b?c", "/a", undefined, "b?c"],
    ["/a?b#c", "/a", "b", "c"],
    ["/a?b=#c&d=e#", "/a", "b=", "c&d=e#"],
    ["/a#", "/a", undefined, ""],
  ])("ends at the fragment: %j", (target, path, query, fragment) => {
    expect(splitTarget(target)).toMatchObject({ path, query, fragment });
  });

  test.each([
    ["http://h:80/a?b", "h:80", "/a", "/a?b"],
    ["http://h", "h", "/", "/"],
    ["http://h?q", "h", "/", "/?q"],
    ["HTTPS://u:p@h/a", "u:p@h", "/a", "/a"],
    ["http://h\\a", "h", "\\a", "\\a"],
  ])("in absolute form %j names the authority %j", (target, authority, path, uri) => {
    expect(splitTarget(target)).toMatchObject({ authority, path, uri });
  });
});
