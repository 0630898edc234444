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
const BEFORE_UNARY = "o&(,EkBU";
const OPERAND = "1Cnv";
const BEFORE_BRACKET = "o&,";
const DOUBLED = "s;()";

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
  if (last.kind === token.kind && DOUBLED.includes(token.kind)) return;
  if (isUnary(token) && BEFORE_UNARY.includes(last.kind)) return;
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
  const isWrapped =
    tokens.at(-2)?.kind === "(" && BEFORE_BRACKET.includes(tokens.at(-3)?.kind ?? " ");
  if (!isWrapped || !OPERAND.includes(tokens.at(-1)?.kind ?? " ")) return undefined;
  const inner = tokens.pop();
  tokens.pop();
  return inner;
}

// "1 or 2 and ..." is no more than "1 and ...": what counts is the condition still to come.
function dropPlainOperand(tokens: Token[]): void {
  const isChained = tokens.length > 2 && tokens.at(-2)?.kind === "&";
  const last = tokens.at(-1);
  if (isChained && last !== undefined && last.kind !== "C" && OPERAND.includes(last.kind))
    tokens.splice(-2);
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
  if (!PHRASE_OPENERS.has(last.word) || token.word === "") return false;
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
  const isList =
    last.kind === "," && `${OPERAND}s`.includes(left.kind) && `${OPERAND}s`.includes(token.kind);
  const isCalculation =
    last.kind === "o" && OPERAND.includes(left.kind) && OPERAND.includes(token.kind);
  if (!isList && !isCalculation) return false;
  if (isCalculation && (left.kind !== "n" || left.word === TICKED) && isComparison(last.word))
    left.kind = "C";
  left.word = "";
  tokens.pop();
  return true;
}
