import { expect, test } from "vitest";
import { normalizePath, normalizePathWin } from "./normalize-path.ts";

test.each([
  ["a normal path stays", "/foo/bar.baz/..x/x../...", "/foo/bar.baz/..x/x../..."],
  ["empty segments go", "/foo//bar///", "/foo/bar/"],
  ["self references go", "./a/./b/.", "a/b"],
  ["back references take a segment", "dir/../foo/x/..", "foo"],
  ["an absolute path does not climb above its root", "/../../etc/../etc/passwd", "/etc/passwd"],
  ["a relative path keeps its climb", "dir/../../foo/../..", "../.."],
  ["a slash at the end stays", "a/b/../", "a/"],
  ["a path that comes to nothing is empty", "a/../", ""],
  ["the root stays the root", "/a/..", "/"],
  ["a dot alone is nothing", ".", ""],
  ["NUL is part of a name", "/a/\0/../b", "/a/b"],
  ["backslashes are part of a name", "a\\..\\b", "a\\..\\b"],
  ["an empty path stays", "", ""],
  ["a slash alone stays", "/", "/"],
])("normalizePath: %s", (_sentence, value, expected) => {
  expect(normalizePath(value)).toBe(expected);
});

test.each([
  ["backslashes become slashes", "C:\\dir\\x", "C:/dir/x"],
  ["both kinds may be mixed", "\\a/\\..\\/b\\", "/b/"],
  ["a climb is seen", "..\\..\\windows", "../../windows"],
])("normalizePathWin: %s", (_sentence, value, expected) => {
  expect(normalizePathWin(value)).toBe(expected);
});
