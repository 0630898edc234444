/** The operators a rule may use, from the reference manuals of ModSecurity and Coraza; refused ones are known by name and reason. */

/** What the parser has to know of an operator. */
export interface OperatorRow {
  /** Canonical spelling. */
  readonly name: string;
  readonly argument: "required" | "optional";
  /** Set if this engine does not run the operator: why. */
  readonly refused?: string;
}

const OPTIONAL = `rx rxGlobal streq contains containsWord beginsWith endsWith within strmatch
  detectSQLi detectXSS geoLookup noMatch unconditionalMatch validateUrlEncoding
  validateUtf8Encoding`;

const REQUIRED = `pm pmFromFile eq ge gt le lt ipMatch ipMatchFromFile rbl restpath
  validateByteRange validateNid verifyCC verifyCPF verifySSN verifySVNR`;

/** Short or older spellings. */
const ALIASES: readonly (readonly [string, string])[] = [
  ["pmf", "pmFromFile"],
  ["ipMatchF", "ipMatchFromFile"],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ["inspectFile", "it runs a program or a Lua script for every request"],
  ["fuzzyHash", "it needs a native library"],
  ["gsbLookup", "its service no longer exists"],
  ["pmFromDataset", "data sets are not read; write the list into a file for @pmFromFile"],
  ["ipMatchFromDataset", "data sets are not read; write the list into a file for @ipMatchFromFile"],
  ["rsub", "it rewrites bodies; this engine only inspects"],
  ["validateDTD", "documents with a DTD are refused before any rule"],
  ["validateHash", "link signing is not part of this engine"],
  ["validateSchema", "XML schemas are not read"],
];

const rows: readonly OperatorRow[] = [
  ...OPTIONAL.split(/\s+/).map((name) => ({ name, argument: "optional" }) as const),
  ...REQUIRED.split(/\s+/).map((name) => ({ name, argument: "required" }) as const),
  ...REFUSED.map(([name, refused]) => ({ name, argument: "optional", refused }) as const),
];

/** Every known operator by its lower-case spelling, aliases included. */
export const OPERATORS: ReadonlyMap<string, OperatorRow> = new Map([
  ...rows.map((row) => [row.name.toLowerCase(), row] as const),
  ...ALIASES.flatMap(([alias, name]) => {
    const row = rows.find((candidate) => candidate.name === name);
    return row === undefined ? [] : [[alias.toLowerCase(), row] as const];
  }),
]);
