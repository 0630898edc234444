/** Folds the tokens of a value into at most five letters that say what is being done; it must never read on after them. */
import { isComparison, SqlTokenizer, TICKED, type SqlContext } from "./sql-tokenizer.ts";
import { PHRASE_OPENERS, PHRASES, STACKED_WORDS, type SqlKind } from "./sql-words.ts";

/**
 * Letters kept. More would find statements further into a text, and so let prose of a few words before one be refused;
 * a value that breaks out of its place shows that within the first few.
 */
const FINGERPRINT_LENGTH_LIMIT = 5;

/** Tokens read on behind them, since "(1)" only folds into what stands before it when it is complete. */
const LOOK_AHEAD = 2;

interface Folded {
  readonly fingerprint: string;
  /** Whether it ends in a comment that is there only to cut off what follows. */
  readonly endsInLittleComment: boolean;
}

interface Token {
  kind: SqlKind;
  word: string;
}

const UNARY: ReadonlySet<string> = new Set(["+", "-", "!", "~", "not"]);

/** What a token can be in its place; a bit each. */
const BEFORE_UNARY = 1;
const OPERAND = 2;
const BEFORE_BRACKET = 4;
const DOUBLED = 8;
const LISTED = 16;
const TRAITS = traitsOf([
  [BEFORE_UNARY, "o&(,EkBU"],
  [OPERAND, "1Cnv"],
  [BEFORE_BRACKET, "o&,"],
  [DOUBLED, "s;()"],
  [LISTED, "1Cnvs"],
]);

function traitsOf(rows: readonly (readonly [trait: number, kinds: string])[]): Uint8Array {
  const traits = new Uint8Array(256);
  for (const [trait, kinds] of rows)
    for (let at = 0; at < kinds.length; at++)
      traits[kinds.charCodeAt(at)] = (traits[kinds.charCodeAt(at)] ?? 0) | trait;
  return traits;
}

/** The end of a text has no trait. */
const is = (token: Token | undefined, trait: number): boolean =>
  token !== undefined && ((TRAITS[token.kind.charCodeAt(0)] ?? 0) & trait) !== 0;

export function foldTokens(text: string, context: SqlContext): Folded {
  const tokenizer = new SqlTokenizer(text, context);
  const tokens: Token[] = [];
  let isCommentLast = false;
  for (let kind = tokenizer.next(); kind !== undefined; kind = tokenizer.next()) {
    isCommentLast = kind === "c";
    if (isCommentLast) continue;
    fold(tokens, { kind, word: tokenizer.word });
    if (tokens.length >= FINGERPRINT_LENGTH_LIMIT + LOOK_AHEAD) break;
  }
  const letters = tokens.slice(0, FINGERPRINT_LENGTH_LIMIT).map((token) => token.kind);
  const endsInComment = isCommentLast && letters.length < FINGERPRINT_LENGTH_LIMIT;
  return {
    fingerprint: letters.join("") + (endsInComment ? "c" : ""),
    endsInLittleComment: endsInComment && tokenizer.isLittleComment,
  };
}

function fold(tokens: Token[], token: Token): void {
  const last = tokens.at(-1);
  if (last === undefined) {
    const isLeading = token.kind === "(" || isUnary(token);
    if (!isLeading) tokens.push(token);
    return;
  }
  if (last.kind === token.kind && is(token, DOUBLED)) return;
  if (isUnary(token) && is(last, BEFORE_UNARY)) return;
  if (isOdbcWrapping(tokens, last, token)) return;
  if (token.kind === "&") dropPlainOperand(tokens);
  if (isPhrase(last, token) || isOperation(tokens, last, token)) return;
  if (last.kind === ";" && STACKED_WORDS.has(token.word)) token.kind = "T";
  const inner = token.kind === ")" ? bracketed(tokens) : undefined;
  if (inner === undefined) tokens.push(token);
  else fold(tokens, inner);
}

// "or (1)" is "or 1", which lets "(1)=(1)" be seen as the comparison it is; a call keeps its parentheses.
function bracketed(tokens: Token[]): Token | undefined {
  const isWrapped = tokens.at(-2)?.kind === "(" && is(tokens.at(-3), BEFORE_BRACKET);
  if (!isWrapped || !is(tokens.at(-1), OPERAND)) return undefined;
  const inner = tokens.pop();
  tokens.pop();
  return inner;
}

// "1 or 2 and ..." is no more than "1 and ...": what counts is the condition still to come.
function dropPlainOperand(tokens: Token[]): void {
  const isChained = tokens.length > 2 && tokens.at(-2)?.kind === "&";
  const last = tokens.at(-1);
  if (isChained && last !== undefined && last.kind !== "C" && is(last, OPERAND)) tokens.length -= 2;
}

// ODBC writes a date as {d '2026-01-01'}: only what is inside counts.
function isOdbcWrapping(tokens: Token[], last: Token, token: Token): boolean {
  if (token.kind === "}") return true;
  if (last.kind !== "{" || token.kind !== "n") return false;
  tokens.pop();
  return true;
}

const isUnary = (token: Token): boolean => token.kind === "o" && UNARY.has(token.word);

function isPhrase(last: Token, token: Token): boolean {
  // No word of a phrase has one letter, and most tokens are of one byte.
  if (last.word.length < 2 || token.word.length < 2 || !PHRASE_OPENERS.has(last.word)) return false;
  const kind = PHRASES.get(`${last.word} ${token.word}`);
  if (kind === undefined) return false;
  last.kind = kind;
  last.word = kind === "o" ? token.word : "";
  return true;
}

// "1 + 2", "a , b" and "1 = 1" each become one operand; what compares a value is remembered as a condition.
function isOperation(tokens: Token[], last: Token, token: Token): boolean {
  const left = tokens.at(-2);
  if (left === undefined) return false;
  const isList = last.kind === "," && is(left, LISTED) && is(token, LISTED);
  const isCalculation = last.kind === "o" && is(left, OPERAND) && is(token, OPERAND);
  if (!isList && !isCalculation) return false;
  if (isCalculation && (left.kind !== "n" || left.word === TICKED) && isComparison(last.word))
    left.kind = "C";
  left.word = "";
  tokens.pop();
  return true;
}
