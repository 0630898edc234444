/**
 * The operator detectSQLi: whether a value would leave its place in an SQL statement and go on as SQL. It tries three
 * places (bare, in single and in double quotes) under two kinds of comments; it must never throw and stays linear.
 */
import type { ByteString } from "../../byte-string.ts";
import { isAttackShape } from "./attack-shapes.ts";
import { foldTokens } from "./fold-tokens.ts";
import { hasSqlSigns } from "./sql-signs.ts";
import type { SqlContext } from "./sql-tokenizer.ts";

/** `fingerprint` is that of the attack, at most five letters; empty when there is none. */
interface SqliVerdict {
  readonly isSqli: boolean;
  readonly fingerprint: string;
}

const CLEAN: SqliVerdict = { isSqli: false, fingerprint: "" };
const QUOTES = ["", "'", '"'] as const;

// One word or number: nothing in it can end a place or go on from there.
const SINGLE_WORD = /^[\w.]*$/u;

/** Whether it is an injection, and its shape. */
export function detectSqli(value: ByteString): SqliVerdict {
  if (!hasSqlSigns(value) || SINGLE_WORD.test(value)) return CLEAN;
  const isMysqlDifferent = value.includes("#") || value.includes("--");
  for (const quote of QUOTES) {
    if (quote !== "" && !value.includes(quote)) continue;
    const ansi = attackIn(value, { quote, comments: "ansi" });
    if (ansi !== undefined) return ansi;
    if (!isMysqlDifferent) continue;
    const mysql = attackIn(value, { quote, comments: "mysql" });
    if (mysql !== undefined) return mysql;
  }
  return CLEAN;
}

function attackIn(value: string, context: SqlContext): SqliVerdict | undefined {
  const { fingerprint, endsInLittleComment } = foldTokens(value, context);
  const place = { isQuoted: context.quote !== "", endsInLittleComment };
  if (!isAttackShape(fingerprint, place)) return undefined;
  // Three letters serve the grammar only: whoever reads the fingerprint knows them as function and value.
  return { isSqli: true, fingerprint: fingerprint.replace(/[FG]/gu, "f").replace(/C/gu, "1") };
}
