/** Random packs and contexts, small enough that every case meets every other, the same ones for the same seed. */
import { FIELD_NAMES, FIELDS, type FieldName, type FieldValue } from "../fields.ts";

/** From 0 up to, but not including, `below`. */
export type Random = (below: number) => number;

/** Mulberry32, by Tommy Ettinger. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

// Few values, so that comparisons come out both ways, and texts that begin, end and contain each other.
const TEXTS = ["a", "b", "ab", "ba", "abab", "", "it's", "/a/b", "A"];
const NUMBERS = [0, 1, 1.2, 1.3, -1, 5];
const PATTERNS = ["^a", "b$", "^$", "a.*b", "^(?:ab)+$", "[^a]", "/[ab]/"];
/** Between the numbers above, and one of them. */
export const NOWS: readonly number[] = [0.5, 1.25, 5, 9];

export function randomContext(random: Random): Map<FieldName, FieldValue> {
  const context = new Map<FieldName, FieldValue>();
  const knownOfTen = random(11);
  for (const name of FIELD_NAMES) {
    if (random(10) >= knownOfTen) continue;
    context.set(name, valueFor(name, random));
  }
  return context;
}

function valueFor(name: FieldName, random: Random): FieldValue {
  switch (FIELDS[name]) {
    case "boolean":
      return random(2) === 0;
    case "number":
      return pick(NUMBERS, random);
    case "string":
      return pick(TEXTS, random);
    case "list":
      return new Set(Array.from({ length: random(4) }, () => pick(TEXTS, random)));
  }
}

export interface PackShape {
  readonly bits: number;
  readonly wires: number;
  readonly outputs: number;
  /** Those that comparisons are about: with few of them, several rules ask for the same. */
  readonly fields: readonly FieldName[];
}

export function randomPack(random: Random, shape: PackShape): string {
  const { bits, wires, outputs, fields } = shape;
  const lines = ["version: tdln-chip/0.3", bits === 0 ? "policies: []" : "policies:"];
  for (let index = 0; index < bits; index++)
    lines.push(`- {id: P_${index}, logic: ${JSON.stringify(rule(random, 1 + random(3), fields))}}`);
  lines.push(wires === 0 ? "wiring: []" : "wiring:");
  for (let index = 0; index < wires; index++)
    lines.push(`- {id: W_${index}, structure: ${structure(index, shape, random)}}`);
  lines.push(outputs === 0 ? "outputs: []" : "outputs:");
  for (let index = 0; index < outputs; index++) lines.push(output(index, shape, random));
  return lines.join("\n");
}

/** Wires lead to wires behind them only, so that none goes round. */
function structure(index: number, shape: PackShape, random: Random): string {
  const count = random(4);
  const members = Array.from({ length: count }, () =>
    random(6) === 0 ? structure(index, shape, random) : memberId(index + 1, shape, random),
  ).join(", ");
  if (random(2) === 0) return `{sequence: [${members}]}`;
  return `{parallel: {policies: [${members}], aggregator: ${random(3) === 0 ? "ALL" : "ANY"}}}`;
}

function memberId(from: number, { bits, wires }: PackShape, random: Random): string {
  const isWire = from < wires && random(3) === 0;
  return isWire ? `W_${from + random(wires - from)}` : `P_${random(bits)}`;
}

function output(index: number, shape: PackShape, random: Random): string {
  const id = memberId(0, shape, random);
  const trigger = random(3) === 0 ? `NOT(${id})` : id;
  // Seldom a deny: with many outputs the first would nearly always decide.
  const isDeny = random(shape.outputs > 8 ? 8 : 2) === 0;
  const action = isDeny ? `HTTP ${random(2) === 0 ? 403 : 429}` : `HTTP ${200 + random(5)}`;
  return `- ${isDeny ? "deny" : "allow"}_${index}: {trigger: ${trigger}, action: ${action}}`;
}

function rule(random: Random, depth: number, fields: readonly FieldName[]): string {
  if (depth === 0) return comparison(random, fields);
  const sides = (): string =>
    Array.from({ length: 2 + random(2) }, () => rule(random, depth - 1, fields)).join(
      random(2) === 0 ? " AND " : " OR ",
    );
  switch (random(6)) {
    case 0:
      return `NOT (${sides()})`;
    case 1:
      return `NOT ${comparison(random, fields)}`;
    case 2:
      return `(${sides()})`;
    case 3:
      // Without parentheses: what binds more is put to the test.
      return `${sides()} OR ${sides()}`;
    default:
      return comparison(random, fields);
  }
}

function comparison(random: Random, fields: readonly FieldName[]): string {
  const name = pick(fields, random);
  switch (FIELDS[name]) {
    case "boolean":
      return pick(
        [
          name,
          `${name} == true`,
          `${name} != true`,
          `false == ${name}`,
          `true`,
          `${name} == ${fieldOf("boolean", random)}`,
        ],
        random,
      );
    case "number":
      return numberComparison(name, random);
    case "string":
      return textComparison(name, random);
    case "list":
      return random(2) === 0
        ? `${text(random)} IN ${name}`
        : `${name} CONTAINS ${random(3) === 0 ? fieldOf("string", random) : text(random)}`;
  }
}

function numberComparison(name: FieldName, random: Random): string {
  const operator = pick(["==", "!=", "<", "<=", ">", ">="], random);
  const number = String(pick(NUMBERS, random));
  const other = pick([number, number, "now()", fieldOf("number", random)], random);
  if (random(5) === 0) return `${name} IN [${number}, ${pick(NUMBERS, random)}]`;
  return random(3) === 0 ? `${other} ${operator} ${name}` : `${name} ${operator} ${other}`;
}

function textComparison(name: FieldName, random: Random): string {
  const other = random(4) === 0 ? fieldOf("string", random) : text(random);
  switch (random(6)) {
    case 0:
      return `${name} IN [${Array.from({ length: 1 + random(4) }, () => text(random)).join(",")}]`;
    case 1:
      return `${name} IN ${fieldOf("list", random)}`;
    case 2:
      return `${name} MATCHES '${pick(PATTERNS, random)}'`;
    case 3:
      return `${other} ${pick(["==", "STARTS_WITH", "ENDS_WITH", "CONTAINS"], random)} ${name}`;
    default:
      return `${name} ${pick(["==", "==", "!=", "STARTS_WITH", "ENDS_WITH", "CONTAINS"], random)} ${other}`;
  }
}

function fieldOf(type: string, random: Random): FieldName {
  return pick(
    FIELD_NAMES.filter((name) => FIELDS[name] === type),
    random,
  );
}

function text(random: Random): string {
  return `'${pick(TEXTS, random).replaceAll("'", "\\'")}'`;
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[random(from.length)] as T;
}
