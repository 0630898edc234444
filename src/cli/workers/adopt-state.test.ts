/** A worker's state file before its start: a copy of the newest, whoever wrote it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { adoptNewest } from "./adopt-state.ts";

function folder(files: Readonly<Record<string, number>>) {
  const directory = mkdtempSync(join(tmpdir(), "portcullis-state-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, second] of Object.entries(files)) {
    const path = join(directory, name);
    writeFileSync(path, `state of ${name}`);
    utimesSync(path, second, second);
  }
  return {
    at: (name: string) => join(directory, name),
    textOf: (name: string) => readFileSync(join(directory, name), "utf8"),
    names: () => readdirSync(directory).toSorted(),
  };
}

test.each([
  ["it is the newest: it stays", { own: 30, a: 10, b: 20 }, "state of own"],
  ["another is newer", { own: 10, a: 30, b: 20 }, "state of a"],
  ["it has none", { a: 10, b: 20 }, "state of b"],
])("%s", async (_name, files, expected) => {
  const { at, textOf, names } = folder(files);
  await adoptNewest(at("own"), [at("a"), at("b"), at("missing")]);
  expect(textOf("own")).toBe(expected);
  expect(names()).toEqual(["a", "b", "own"]);
});

test("nobody has any: none is made", async () => {
  const { at, names } = folder({});
  await adoptNewest(at("own"), [at("a")]);
  expect(names()).toEqual([]);
});
