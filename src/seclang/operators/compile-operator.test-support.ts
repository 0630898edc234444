/** Compiles operators for tests, with files that live in memory; it must never read a real one. */
import type { ByteString } from "../byte-string.ts";
import type {
  CompiledOperator,
  OperatorCompiler,
  OperatorTools,
  PatternFinder,
} from "./operator.ts";

/** The files of a test by name. */
type TestFiles = Readonly<Record<string, ByteString>>;

/** Tools over files in memory and V8's own pattern engine. */
export function testTools(files: TestFiles = {}): OperatorTools {
  return {
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`no such file: ${path}`);
      return Buffer.from(text, "latin1");
    },
    compilePattern(pattern): PatternFinder {
      const regexp = new RegExp(pattern, "g");
      return (value, from) => {
        regexp.lastIndex = from;
        const found = regexp.exec(value);
        return found === null
          ? undefined
          : { start: found.index, end: found.index + found[0].length };
      };
    },
  };
}

/** Compiles with the tools of a test. */
export function compileOperator(
  compiler: OperatorCompiler,
  argument: ByteString,
  files: TestFiles = {},
): CompiledOperator {
  return compiler(argument, testTools(files));
}
