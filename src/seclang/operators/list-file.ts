/**
 * Reads the lists that `...FromFile` operators name; it must never fetch one over the network: a rule set would then
 * change without the operator's knowledge.
 */
import { fromBytes, type ByteString } from "../byte-string.ts";
import { OperatorRefused, type OperatorTools } from "./operator.ts";

/** A line of a list, with the place to name in an error. */
interface ListLine {
  readonly text: ByteString;
  readonly place: string;
}

/**
 * The lines of all files named in the argument (separated by white space): trimmed, without empty ones and without
 * those that start with `#`. A `#` further on belongs to the line.
 */
export function readListFiles(argument: ByteString, tools: OperatorTools): ListLine[] {
  const paths = argument.match(/\S+/g);
  if (paths === null) {
    throw new OperatorRefused("operator.argument_invalid", "the name of a file is missing");
  }
  return paths.flatMap((path) =>
    readText(path, tools)
      .split("\n")
      .map((line, index) => ({ text: trimmed(line), place: `${path}:${index + 1}` }))
      .filter(({ text }) => text !== "" && !text.startsWith("#")),
  );
}

/** Not `trim`: byte 0xA0 is half a character in UTF-8, and no white space. */
function trimmed(line: ByteString): ByteString {
  return line.replace(/^[ \t\v\f\r]+/, "").replace(/(?<![ \t\v\f\r])[ \t\v\f\r]+$/, "");
}

function readText(path: string, tools: OperatorTools): ByteString {
  if (/^https?:\/\//i.test(path)) {
    throw new OperatorRefused(
      "operator.unsupported",
      `${path}: lists are not downloaded; store it beside the rules and name the file`,
    );
  }
  try {
    return fromBytes(tools.readFile(path));
  } catch (cause) {
    throw new OperatorRefused("operator.file_unreadable", `cannot read ${path}`, { cause });
  }
}
