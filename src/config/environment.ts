/**
 * The mechanism of the table of environment variables: each row says what one variable means for the configuration.
 * A variable that does not fit is an error that names it and never repeats its value.
 */
import { printPath, type ConfigPath, type Finding, type Origin } from "./diagnostic.ts";
import { distanceBetween, nearest } from "./nearest.ts";
import {
  findNode,
  nodeOf,
  valueOf,
  withoutValue,
  withValue,
  type SourceNode,
} from "./source-node.ts";
import { UnitError } from "./unit.ts";

/** The process's variables, or a test's. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration as files have left it, for a row to change. What a row sets has that variable as its origin. */
export interface EnvironmentDraft {
  /** Lays plain data over what stands at the path: mappings merge, all else is replaced. */
  set(path: ConfigPath, value: unknown): void;
  /** Takes away what stands at the path. */
  remove(path: ConfigPath): void;
  /** What stands at the path, as plain data before validation; undefined when nothing does. */
  get(path: ConfigPath): unknown;
  /** Another variable, for rows that belong together; undefined when it is not set. */
  variable(name: string): string | undefined;
}

/** One variable. Rows are applied in the order of the table, those of unset variables not at all. */
export interface EnvironmentRow {
  readonly name: string;
  /** One sentence; becomes the reference document. */
  readonly description: string;
  readonly example?: string;
  /** Changes the draft. Throws `UnitError` when the value is not of its kind; the message must not repeat the value. */
  apply(value: string, draft: EnvironmentDraft): void;
}

export interface EnvironmentTable {
  readonly rows: readonly EnvironmentRow[];
  /** Variables with this prefix belong to the program: one that the table does not know is an error. */
  readonly reservedPrefix?: string;
  /** Variables with the prefix that other parts of the program read, for example the path of the file itself. */
  readonly alsoKnown?: readonly string[];
}

export const EMPTY_ENVIRONMENT_TABLE: EnvironmentTable = { rows: [] };

export interface EnvironmentResult {
  readonly root: SourceNode;
  readonly findings: readonly Finding[];
}

/** Lays the variables over the configuration of the files. */
export function applyEnvironment(
  root: SourceNode,
  table: EnvironmentTable,
  env: Environment,
): EnvironmentResult {
  const findings = unknownVariables(table, env);
  let current = root;
  for (const row of table.rows) {
    const value = env[row.name];
    if (value === undefined) continue;
    const origin: Origin = { kind: "environment", name: row.name };
    if (value.trim() === "") {
      // Neither "not set" nor a value: taking it for either would be a guess about a guard.
      findings.push({
        origin,
        path: [],
        message: "set, but empty",
        hint: "unset it, or give it a value",
      });
      continue;
    }
    const draft = new Draft(current, origin, { table, env });
    try {
      row.apply(value, draft);
      current = draft.root;
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      const hint =
        error.hint ??
        (row.example === undefined ? undefined : `for example ${row.name}=${row.example}`);
      findings.push({ origin, path: [], message: error.message, hint });
    }
  }
  return { root: current, findings };
}

class Draft implements EnvironmentDraft {
  root: SourceNode;
  readonly #origin: Origin;
  readonly #env: Environment;
  readonly #names: ReadonlySet<string>;

  constructor(
    root: SourceNode,
    origin: Origin,
    { table, env }: { table: EnvironmentTable; env: Environment },
  ) {
    this.root = root;
    this.#origin = origin;
    this.#env = env;
    this.#names = new Set(table.rows.map(({ name }) => name));
  }

  set(path: ConfigPath, value: unknown): void {
    this.root = withValue(this.root, path, nodeOf(value, this.#origin));
  }

  remove(path: ConfigPath): void {
    this.root = withoutValue(this.root, path);
  }

  get(path: ConfigPath): unknown {
    const { node, depth } = findNode(this.root, path);
    return depth === path.length ? valueOf(node) : undefined;
  }

  variable(name: string): string | undefined {
    if (!this.#names.has(name))
      throw new Error(`${name} is not in the table of environment variables`);
    const value = this.#env[name];
    return value === undefined || value.trim() === "" ? undefined : value;
  }
}

/** Two slips of the finger in a name of this length still leave no doubt which variable was meant. */
const NEAR_NAME_MIN_LENGTH = 8;
const NEAR_NAME_DISTANCE = 2;

function unknownVariables(
  { rows, reservedPrefix, alsoKnown = [] }: EnvironmentTable,
  env: Environment,
): Finding[] {
  const known = [...rows.map(({ name }) => name), ...alsoKnown];
  const isKnown = new Set(known);
  const findings: Finding[] = [];
  for (const name of Object.keys(env).sort()) {
    if (isKnown.has(name) || env[name] === undefined) continue;
    const origin: Origin = { kind: "environment", name };
    const near = nearest(name, known);
    const hint = near === undefined ? undefined : `did you mean ${near}?`;
    if (reservedPrefix !== undefined && name.startsWith(reservedPrefix))
      findings.push({ origin, path: [], message: "unknown variable", hint });
    else if (near !== undefined && env[near] === undefined && isSlipOf(name, near))
      findings.push({
        severity: "warning",
        origin,
        path: [],
        message: "not read by this program",
        hint,
      });
  }
  return findings;
}

function isSlipOf(name: string, known: string): boolean {
  return known.length >= NEAR_NAME_MIN_LENGTH && distanceBetween(name, known) <= NEAR_NAME_DISTANCE;
}

/** "true" or "false". Throws `UnitError`. */
export function parseBoolean(text: string): boolean {
  switch (text.trim().toLowerCase()) {
    case "true":
    case "1":
      return true;
    case "false":
    case "0":
      return false;
    default:
      throw new UnitError("neither true nor false");
  }
}

/** "a, b" to ["a", "b"]. Throws `UnitError` for an empty item. */
export function parseList(text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.includes(""))
    throw new UnitError("a list with an empty item", "items separated by single commas");
  return items;
}

/** A whole number from `min` up. Throws `UnitError`. */
export function parseCount(text: string, min = 0): number {
  const count = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(count >= min)) throw new UnitError(`not a whole number of at least ${min}`);
  return count;
}

/** The table as Markdown, for the reference documents. */
export function renderEnvironmentTable({ rows }: EnvironmentTable): string {
  const lines = rows.map(({ name, description, example }) => {
    const shown = example === undefined ? "" : `\`${example}\``;
    return `| \`${name}\` | ${description.replaceAll("|", "\\|")} | ${shown.replaceAll("|", "\\|")} |`;
  });
  return ["| Variable | Meaning | Example |", "|---|---|---|", ...lines, ""].join("\n");
}

/** A command-line flag that sets one value. */
export interface FlagValue {
  /** As typed: "--log-level". */
  readonly name: string;
  readonly path: ConfigPath;
  readonly value: unknown;
}

/** Lays flags over everything else. */
export function applyFlags(root: SourceNode, flags: readonly FlagValue[]): SourceNode {
  return flags.reduce((current, { name, path, value }) => {
    if (path.length === 0) throw new Error(`flag ${name} has no path: ${printPath(path)}`);
    return withValue(current, path, nodeOf(value, { kind: "flag", name }));
  }, root);
}
