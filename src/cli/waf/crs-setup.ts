/** `portcullis waf crs-setup`: a set-up file for the Core Rule Set that suits inference APIs. Never over a file that is there. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { orUnknown } from "../ledger/exit.ts";
import { eachArgument } from "../pack/verify.ts";
import { paranoiaArgument, positiveArgument } from "./arguments.ts";
import {
  crsSetupText,
  DEFAULT_CONTENT_TYPES,
  DEFAULT_MAX_ARGUMENT_BYTES,
  DEFAULT_MAX_ARGUMENTS,
  DEFAULT_MAX_NAME_BYTES,
  DEFAULT_MAX_TOTAL_BYTES,
  DEFAULT_MAX_UPLOAD_BYTES,
  DEFAULT_METHODS,
  type CrsLine,
  type CrsSetup,
} from "./crs-setup-text.ts";
import { usingRuleFiles } from "./rules-option.ts";

interface CrsSetupOptions extends Omit<
  CrsSetup,
  "line" | "version" | "detectionParanoia" | "methods" | "contentTypes"
> {
  readonly rules: string;
  readonly detectionParanoia?: number;
  readonly method?: readonly string[];
  readonly contentType?: readonly string[];
  readonly output?: string;
}

/** The rules' own defaults. */
const DEFAULT_THRESHOLDS = { in: 5, out: 4 };

export function addWafCrsSetup(waf: Command): void {
  waf
    .command("crs-setup")
    .description("Write a set-up file for the Core Rule Set that suits inference APIs.")
    .requiredOption("--rules <source>", "crs:DIRECTORY-OR-ARCHIVE of the rules that it is for")
    .option("--paranoia <level>", "rules up to this level refuse", paranoiaArgument, 1)
    .option(
      "--detection-paranoia <level>",
      "rules up to this level are run and told; default: as --paranoia",
      paranoiaArgument,
    )
    .option(
      "--threshold-in <points>",
      "score that refuses a request",
      positiveArgument,
      DEFAULT_THRESHOLDS.in,
    )
    .option(
      "--threshold-out <points>",
      "score that refuses an answer",
      positiveArgument,
      DEFAULT_THRESHOLDS.out,
    )
    .option(
      "--method <method>",
      `allowed method; default: ${DEFAULT_METHODS.join(", ")}`,
      eachMethod,
    )
    .option("--content-type <type>", "one more media type of requests; may be repeated", eachType)
    .option(
      "--max-arguments <count>",
      "arguments of a request",
      positiveArgument,
      DEFAULT_MAX_ARGUMENTS,
    )
    .option(
      "--max-name-bytes <count>",
      "length of a name",
      positiveArgument,
      DEFAULT_MAX_NAME_BYTES,
    )
    .option(
      "--max-argument-bytes <count>",
      "length of a value",
      positiveArgument,
      DEFAULT_MAX_ARGUMENT_BYTES,
    )
    .option(
      "--max-total-bytes <count>",
      "length of all values",
      positiveArgument,
      DEFAULT_MAX_TOTAL_BYTES,
    )
    .option(
      "--max-upload-bytes <count>",
      "size of uploaded files",
      positiveArgument,
      DEFAULT_MAX_UPLOAD_BYTES,
    )
    .option("-o, --output <file>", "where to; default: standard output")
    .action((options: CrsSetupOptions) => orUnknown(() => writeSetup(options)));
}

/** What stands here is put into a rule file: nothing that could end a setting may come through. */
function eachMethod(text: string, before?: readonly string[]): string[] {
  if (/^[A-Z]{1,32}$/.test(text)) return eachArgument(text, before);
  throw new InvalidArgumentError("Write a method in upper case, such as POST.");
}

function eachType(text: string, before?: readonly string[]): string[] {
  if (/^[a-z0-9][a-z0-9.+-]{0,63}\/[a-z0-9][a-z0-9.+-]{0,126}$/.test(text))
    return eachArgument(text, before);
  throw new InvalidArgumentError("Write a media type in lower case, such as application/json.");
}

async function writeSetup(options: CrsSetupOptions): Promise<void> {
  const { rules, output, method, contentType = [], detectionParanoia } = options;
  if (!rules.startsWith("crs:")) throw new Error("--rules names a Core Rule Set: crs:DIRECTORY");
  const version = await usingRuleFiles([rules], versionOf);
  const { paranoia } = options;
  if (detectionParanoia !== undefined && detectionParanoia < paranoia)
    throw new Error("--detection-paranoia is below --paranoia: what refuses has to be run");
  const text = crsSetupText({
    ...options,
    line: lineOf(version),
    version,
    detectionParanoia: detectionParanoia ?? paranoia,
    methods: method ?? DEFAULT_METHODS,
    contentTypes: [...new Set([...DEFAULT_CONTENT_TYPES, ...contentType])],
  });
  if (output === undefined) console.log(text.trimEnd());
  else writeNew(output, text);
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(`${file} is there already; take another name, or move it away`, {
      cause: error,
    });
  }
}

const INITIALIZATION = "REQUEST-901-INITIALIZATION.conf";

/** Every rule of a release says its version. */
function versionOf(paths: readonly string[]): string {
  const path = paths.find((one) => basename(one) === INITIALIZATION);
  if (path === undefined) throw new Error(`no Core Rule Set: ${INITIALIZATION} is missing`);
  const [, version] = /ver:'OWASP_CRS\/(\d[\d.]*)/.exec(readFileSync(path, "latin1")) ?? [];
  if (version === undefined) throw new Error(`${path} does not say its version`);
  return version;
}

function lineOf(version: string): CrsLine {
  if (version.startsWith("3.3")) return 3;
  if (version.startsWith("4.")) return 4;
  throw new Error(`version ${version} of the Core Rule Set is not known here: 3.3 and 4 are`);
}
