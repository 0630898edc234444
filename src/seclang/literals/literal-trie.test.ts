/** The tree's shape: classes, breadth-first numbers, failure links, and where literals end. */
import { expect, test } from "vitest";
import { toBytes } from "../byte-string.ts";
import { buildTrie, NONE, step } from "./literal-trie.ts";

test("bytes that no literal holds share class 0, letters of both cases one class if case is ignored", () => {
  const exact = buildTrie(["aB"], false);
  expect([...toBytes("aAbBc")].map((byte) => exact.classOf[byte])).toEqual([2, 0, 0, 1, 0]);
  const folded = buildTrie(["aB"], true);
  expect([...toBytes("aAbBc")].map((byte) => folded.classOf[byte])).toEqual([1, 1, 2, 2, 0]);
  expect([exact.classCount, folded.classCount]).toEqual([3, 3]);
});

test("states are numbered level by level, and each leads back to its longest suffix", () => {
  const trie = buildTrie(["she", "he", "hers"], false);
  const walk = (text: string): number =>
    toBytes(text).reduce((state, byte) => step(trie, state, trie.classOf[byte] ?? 0), 0);
  expect(trie.stateCount).toBe(8);
  const byLevel = ["", "h", "s", "he", "sh", "her", "she", "hers"];
  expect(byLevel.map(walk)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const suffixes = ["", "", "", "", "h", "", "he", "s"];
  expect([...trie.fail]).toEqual(suffixes.map(walk));
  expect([...trie.ends]).toEqual([NONE, NONE, NONE, 1, NONE, NONE, 0, 2]);
});

test("literals with the same bytes hang on the first of them", () => {
  const trie = buildTrie(["a", "b", "A", "a"], true);
  expect(trie.stateCount).toBe(3);
  expect([...trie.ends]).toEqual([NONE, 0, 1]);
  expect([...trie.same]).toEqual([2, NONE, 3, NONE]);
});

test("no literals make a tree of the root alone", () => {
  expect(buildTrie([], true).stateCount).toBe(1);
});
