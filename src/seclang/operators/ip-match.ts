/**
 * `@ipMatch`: the value is an address within one of the networks of the argument; it must never skip an entry that it
 * cannot read.
 */
import { AddressTable, splitEntries } from "./address-table.ts";
import { OperatorRefused, type OperatorCompiler } from "./operator.ts";

/** Entries are separated by commas. Macros are no entries and are refused like any other text. */
export const ipMatch: OperatorCompiler = (argument) => {
  const entries = splitEntries(argument).map((text) => ({ text }));
  if (entries.length === 0) {
    throw new OperatorRefused("operator.argument_invalid", "there is no address to compare with");
  }
  const table = new AddressTable(entries);
  return { test: (value) => table.has(value) };
};
