/** What a text is refused for, as the tests of reading compare it. */
import { PackRefused, type PackFinding } from "../pack-error.ts";
import { readPack } from "./read-pack.ts";

/** All findings; none when the text is taken. What is thrown besides fails the test. */
export function findingsOf(pack: string | Uint8Array): readonly PackFinding[] {
  try {
    readPack(typeof pack === "string" ? Buffer.from(pack) : pack);
    return [];
  } catch (error) {
    if (error instanceof PackRefused) return error.findings;
    throw error;
  }
}

/** "pack.bad_id 4:9" for each finding. */
export function refusalsOf(pack: string | Uint8Array): string[] {
  return findingsOf(pack).map(({ code, line, column }) =>
    line === undefined ? code : `${code} ${line}:${column}`,
  );
}

/** A small pack that is right, to be made wrong: line 1 is its version, line 4 its rule, line 7 its wire, lines 9 to 11 its output. */
export const SMALL_PACK = `version: "tdln-chip/0.3"
policies:
  - id: P_Rate
    logic: "context.rate.ok == true"
wiring:
  - id: W_Rate
    structure: {sequence: [P_Rate]}
outputs:
  - allow_all:
      trigger: W_Rate
      action: "HTTP 200 + Read"
`;
