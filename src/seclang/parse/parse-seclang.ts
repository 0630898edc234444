/** Reads the text of one SecLang file into directives; it opens no file, evaluates nothing and throws for no input. */
import type { ByteString } from "../byte-string.ts";
import type { Directive } from "./ast.ts";
import { ChainReader } from "./chain-reader.ts";
import { buildDirective } from "./directives.ts";
import { logicalLines, type LogicalLine } from "./lines.ts";
import { LIMIT_FAULTS, reportInto, type ParseFault, type Report } from "./parse-fault.ts";
import { splitWords } from "./words.ts";

/** A file's name, for messages, and its bytes. */
export interface SecLangSource {
  readonly file: string;
  readonly text: ByteString;
}

/** What a file holds. With any fault the directives are not to be used: some are missing. */
export interface ParsedSecLang {
  readonly directives: readonly Directive[];
  readonly faults: readonly ParseFault[];
}

/** Reads the text of one file. */
export type SecLangParser = (source: SecLangSource) => ParsedSecLang;

/**
 * Bytes of one logical line. The longest of the Core Rule Set has 13 KB; without the bound one line could hold a whole
 * file, and a message or a rule of megabytes would live as long as the rule set.
 */
export const LIMIT_LINE_BYTES = 262_144;

/** The directives of a file in order, and every reason why it is not accepted (up to LIMIT_FAULTS). */
export function parseSecLang({ file, text }: SecLangSource): ParsedSecLang {
  const directives: Directive[] = [];
  const faults: ParseFault[] = [];
  const chain = new ChainReader();
  for (const line of logicalLines(text)) {
    const report = reportInto(faults, { file, line: line.line });
    const read = readLine(line, file, report);
    const directive = read && chain.take(read, report);
    if (directive !== undefined) directives.push(directive);
    if (faults.length >= LIMIT_FAULTS) return { directives, faults };
  }
  const open = chain.open();
  if (open !== undefined)
    reportInto(faults, open)(
      "seclang.chain",
      "the chain ends with the file: a SecRule must follow",
    );
  return { directives, faults };
}

function readLine(line: LogicalLine, file: string, report: Report): Directive | undefined {
  if (line.isSwallowing) {
    report("seclang.comment", "a comment that ends in a backslash takes the next line with it", {
      hint: "put # before each line, or take the backslash away",
    });
    return undefined;
  }
  if (line.isCutOff) report("seclang.continuation", "the file ends after a backslash");
  if (line.text.length > LIMIT_LINE_BYTES) {
    report("seclang.limit", `a directive of more than ${LIMIT_LINE_BYTES} bytes`);
    return undefined;
  }
  const [name, ...args] = splitWords(line.text, report) ?? [];
  if (name === undefined) return undefined;
  return buildDirective(name, { args, at: { file, line: line.line }, report });
}
