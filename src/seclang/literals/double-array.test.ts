/** Packed rows answer as the rows do: nothing lost, no slot shared. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FREE_SLOT, packRows, type SparseRows } from "./double-array.ts";

const CLASSES = 40;

/** Each row as a list of classes; entries are numbered through all rows. */
function rowsOf(lists: readonly (readonly number[])[]): SparseRows {
  const starts = new Int32Array(lists.length + 1);
  for (const [row, list] of lists.entries()) starts[row + 1] = (starts[row] ?? 0) + list.length;
  return { starts, classes: Uint16Array.from(lists.flat()) };
}

test("each class of each row leads where it should, and every other slot belongs to another row", () => {
  const classes = fc
    .uniqueArray(fc.integer({ min: 1, max: CLASSES - 1 }), { maxLength: CLASSES })
    .map((list) => list.sort((left, right) => left - right));
  const lists = fc.array(classes, { maxLength: 40 });
  fc.assert(
    fc.property(lists, fc.nat({ max: 3 }), (rows, firstRow) => {
      const { starts } = rowsOf(rows);
      const { base, owner, target } = packRows(rowsOf(rows), firstRow, CLASSES);
      const wrong: unknown[] = [];
      for (const [index, row] of rows.entries()) {
        for (let cls = 0; cls < CLASSES; cls += 1) {
          const slot = (base[index] ?? 0) + cls;
          const at = index < firstRow ? -1 : row.indexOf(cls);
          const isOwned = owner[slot] === index;
          if (isOwned !== (at !== -1)) wrong.push({ index, cls, isOwned });
          if (isOwned && target[slot] !== (starts[index] ?? 0) + at) wrong.push({ index, cls });
        }
      }
      expect(wrong).toEqual([]);
    }),
  );
});

test("no rows, or rows without classes, pack to free slots only", () => {
  expect([...packRows(rowsOf([]), 0, 2).owner]).toEqual([FREE_SLOT, FREE_SLOT]);
  expect([...packRows(rowsOf([[]]), 0, 1).owner]).toEqual([FREE_SLOT]);
});

test("wide rows between narrow ones stay close together", () => {
  const narrow = Array.from({ length: 2000 }, (_, row) => [1 + (row % (CLASSES - 1))]);
  const wide = Array.from({ length: 50 }, () => Array.from({ length: 30 }, (_, at) => 1 + at));
  const rows = rowsOf([...narrow, ...wide]);
  const { owner } = packRows(rows, 0, CLASSES);
  expect(owner.length).toBeLessThan(rows.classes.length * 1.5);
});
