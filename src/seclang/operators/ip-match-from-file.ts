/**
 * `@ipMatchFromFile`, `@ipMatchF`: the value is an address within one of the networks of the files; it must never skip a
 * line that it cannot read.
 */
import { AddressTable, splitEntries } from "./address-table.ts";
import { readListFiles } from "./list-file.ts";
import type { OperatorCompiler } from "./operator.ts";

/**
 * One network or several with commas a line; a `#` starts a comment anywhere. An empty file matches nothing: address
 * lists are written by other programs and may be empty for a while.
 */
export const ipMatchFromFile: OperatorCompiler = (argument, tools) => {
  const table = new AddressTable(
    readListFiles(argument, tools).flatMap(({ text, place }) =>
      splitEntries(text.replace(/#.*/, "")).map((entry) => ({ text: entry, place })),
    ),
  );
  return { test: (value) => table.has(value) };
};
