/**
 * `@pmFromFile`, `@pmf`: the value holds one of the phrases of the files, ASCII case ignored; it must never read a phrase
 * as anything but the bytes it is made of.
 */
import type { OperatorCompiler } from "./operator.ts";
import { readListFiles } from "./list-file.ts";
import { matchingPhrases } from "./phrases.ts";

/** One phrase a line. Files without any phrase are refused: such a rule could never match. */
export const pmFromFile: OperatorCompiler = (argument, tools) =>
  matchingPhrases(readListFiles(argument, tools).map((line) => line.text));
