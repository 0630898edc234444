/** Reads rule files and everything they include, in order; it reads regular files only, and never more than its bounds. */
import { readFileSync, statSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ByteString } from "../byte-string.ts";
import type { Directive, Position } from "./ast.ts";
import { expandGlob, isGlob } from "./glob.ts";
import { LIMIT_FAULTS, reportInto, shown, type ParseFault } from "./parse-fault.ts";
import { parseSecLang, type SecLangParser } from "./parse-seclang.ts";

/**
 * Files read for one set, each inclusion counted. The Core Rule Set has 35. Without the bound a few files that include
 * each other's neighbours twice would be read 2^n times.
 */
export const LIMIT_FILES = 1000;

/** Bytes of all files together. The Core Rule Set has 0.8 MB; without the bound one wrong path fills the memory. */
export const LIMIT_TOTAL_BYTES = 33_554_432;

/** Bounds of one reading, for tests; the constants above are the defaults. */
export interface IncludeLimits {
  readonly files?: number;
  readonly totalBytes?: number;
}

/** A rule set as read from files: includes are replaced by what they name. */
export interface RuleFiles {
  readonly directives: readonly Directive[];
  readonly faults: readonly ParseFault[];
  /** Absolute paths in reading order, each inclusion. */
  readonly files: readonly string[];
}

/**
 * Reads files (patterns allowed, relative to the working directory) and what they include, relative to themselves. Faults of
 * `paths` themselves have line 0. `parse` must say of a text what `parseSecLang` says.
 */
export function readRuleFiles(
  paths: readonly string[],
  { files = LIMIT_FILES, totalBytes = LIMIT_TOTAL_BYTES }: IncludeLimits = {},
  parse: SecLangParser = parseSecLang,
): RuleFiles {
  const reader = new IncludeReader({ files, totalBytes }, parse);
  for (const path of paths)
    reader.include({ path, isOptional: false, at: { file: path, line: 0 } }, process.cwd());
  return { directives: reader.directives, faults: reader.faults, files: reader.files };
}

interface Inclusion {
  readonly path: string;
  readonly isOptional: boolean;
  readonly at: Position;
}

class IncludeReader {
  readonly directives: Directive[] = [];
  readonly faults: ParseFault[] = [];
  readonly files: string[] = [];
  readonly #limitFiles: number;
  readonly #parse: SecLangParser;
  #bytesLeft: number;
  /** The files being read, outermost first: one that is met again is a circle. */
  readonly #open: string[] = [];

  constructor({ files, totalBytes }: Required<IncludeLimits>, parse: SecLangParser) {
    this.#limitFiles = files;
    this.#bytesLeft = totalBytes;
    this.#parse = parse;
  }

  include(inclusion: Inclusion, folder: string): void {
    const path = resolve(folder, inclusion.path);
    if (!isGlob(path)) {
      this.#readFile(path, inclusion);
      return;
    }
    const found = expandGlob(path)?.filter((each) => isFile(each));
    if (found === undefined) {
      this.#fault(
        inclusion.at,
        `${shown(path)} looks at too many names`,
        undefined,
        "seclang.limit",
      );
      return;
    }
    if (found.length === 0 && !inclusion.isOptional)
      this.#fault(
        inclusion.at,
        `no file matches ${shown(path)}`,
        "IncludeOptional if none may exist",
      );
    for (const each of found) {
      this.#readFile(each, inclusion);
      if (this.#isFull()) return;
    }
  }

  #readFile(path: string, { at, isOptional }: Inclusion): void {
    if (this.#isFull()) return;
    if (this.#open.includes(path)) {
      this.#fault(at, `${shown(path)} includes itself`);
      return;
    }
    if (this.files.length >= this.#limitFiles) {
      this.#fault(
        at,
        `more than ${this.#limitFiles} files are included`,
        undefined,
        "seclang.limit",
      );
      return;
    }
    const text = this.#readText(path, at, isOptional);
    if (text === undefined) return;
    this.files.push(path);
    this.#open.push(path);
    const parsed = this.#parse({ file: path, text });
    this.faults.push(...parsed.faults);
    for (const directive of parsed.directives) {
      if (directive.kind !== "Include") this.directives.push(directive);
      else this.include({ ...directive, path: decoded(directive.path) }, dirname(path));
    }
    this.#open.pop();
  }

  #readText(path: string, at: Position, isOptional: boolean): ByteString | undefined {
    const stats = statsOf(path);
    if (stats === undefined) {
      if (!isOptional) this.#fault(at, `there is no file ${shown(path)}`);
      return undefined;
    }
    if (!stats.isFile()) {
      const hint = stats.isDirectory() ? "name its files: FOLDER/*.conf" : undefined;
      this.#fault(at, `${shown(path)} is no regular file`, hint);
      return undefined;
    }
    if (stats.size > this.#bytesLeft) {
      this.#fault(at, `${shown(path)} is too large for the set`, undefined, "seclang.limit");
      return undefined;
    }
    try {
      const text = readFileSync(path, "latin1");
      this.#bytesLeft -= text.length;
      return text;
    } catch {
      this.#fault(at, `${shown(path)} cannot be read`);
      return undefined;
    }
  }

  #isFull(): boolean {
    return this.faults.length >= LIMIT_FAULTS;
  }

  #fault(
    at: Position,
    message: string,
    hint?: string,
    code: ParseFault["code"] = "seclang.include",
  ): void {
    reportInto(this.faults, at)(code, message, { hint });
  }
}

function isFile(path: string): boolean {
  return statsOf(path)?.isFile() ?? false;
}

/** WHY the catch: a circle of links, a folder that may not be searched or a NUL in the name throws; none of them is a file. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** WHY: rule text is read as latin1 bytes, but file names are UTF-8. */
function decoded(path: ByteString): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
