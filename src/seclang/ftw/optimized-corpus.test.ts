/** Filter and folding may only save time: with and without them every request of a corpus must match the same rules. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { loadRuleSet } from "../compile/load-rule-set.ts";
import type { Policy } from "../compile/policy.ts";
import { runFtw, type FtwEngine } from "./run-ftw.ts";

const RULES = process.env["PORTCULLIS_CRS_RULES"] ?? "/usr/share/modsecurity-crs/rules";
const CORPORA =
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../../shared/corpora");
const CORPUS = join(CORPORA, "crs-ftw-v3.3");
const isHere = existsSync(RULES) && existsSync(CORPUS);

if (!isHere) console.warn(`SKIPPED: no Core Rule Set at ${RULES} or no corpus at ${CORPUS}`);

const SET_UP = `SecDefaultAction "phase:1,log,pass"
  SecDefaultAction "phase:2,log,pass"
  SecAction "id:900990,phase:1,pass,nolog,setvar:tx.crs_setup_version=334"`;

/** Notes what each transaction matched. */
function recording(policy: Policy, matches: string[]): FtwEngine {
  return {
    transaction: () => {
      const transaction = policy.transaction();
      const end = transaction.end.bind(transaction);
      return Object.assign(transaction, {
        end: () => {
          const report = end();
          matches.push(
            report.matched
              .map(({ id, hits }) => `${id}@${hits.map(({ target }) => target).join()}`)
              .join(" "),
          );
          return report;
        },
      });
    },
  };
}

test.skipIf(!isHere).each([
  ["1", 1],
  ["4", 3],
])(
  "paranoia level %s, optimized or not: the same matches",
  async (level, stride) => {
    const ruleSet = loadRuleSet({
      sources: [
        { kind: "text", file: "set-up", text: SET_UP },
        { kind: "files", paths: [join(RULES, "*.conf")] },
      ],
    });
    const tx = { paranoia_level: level, executing_paranoia_level: level };
    const played = async (isOptimized: boolean): Promise<readonly string[]> => {
      const matches: string[] = [];
      const policy = ruleSet.policy({ engine: "detectionOnly", isOptimized, tx });
      let count = 0;
      const only = () => count++ % stride === 0;
      await runFtw({ directory: CORPUS, engine: recording(policy, matches), only });
      return matches;
    };
    const optimized = await played(true);
    expect(optimized).toEqual(await played(false));
    expect(optimized.length).toBeGreaterThan(1_200 / stride);
    expect(optimized.filter((one) => one !== "").length).toBeGreaterThan(900 / stride);
  },
  240_000,
);
