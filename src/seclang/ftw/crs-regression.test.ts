/** The Core Rule Set's own tests, in process: what passed once must go on passing, and what fails must be known with its reason. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadRuleSet } from "../index.ts";
import { CRS_3_EXCEPTIONS, CRS_4_EXCEPTIONS } from "./crs-regression-exceptions.ts";
import { crsTestRules, type CrsTestRules } from "./crs-test-rules.ts";
import { runFtw, type FtwResult } from "./run-ftw.ts";

const corpora =
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../../shared/corpora");
const crs3Tests = join(corpora, "crs-ftw-v3.3");
const crs4Tests = join(corpora, "crs-ftw");

/** Debian's package `modsecurity-crs`. */
const crs3: CrsTestRules = {
  directory: "/usr/share/modsecurity-crs/rules",
  setUpFile: "/etc/modsecurity/crs/crs-setup.conf",
};
const hasCrs3 = [crs3Tests, crs3.directory, crs3.setUpFile].every((path) => existsSync(path ?? ""));
if (!hasCrs3) console.warn("SKIPPED: no modsecurity-crs, or no corpora (PORTCULLIS_CORPORA)");

/** A release of CRS 4. */
const crs4 = process.env["PORTCULLIS_CRS4"];
const hasCrs4 = crs4 !== undefined && existsSync(crs4Tests);
if (!hasCrs4) console.warn("NOT RUN: set PORTCULLIS_CRS4 to a folder of CRS 4 to run its tests");

/** A test's verdict must not depend on how busy the machine is. */
const BUDGET_MICROS = 60_000_000;

interface Lane {
  readonly rules: CrsTestRules;
  readonly directory: string;
  readonly exceptions: Readonly<Record<string, string>>;
}

function judge({ rules, directory, exceptions }: Lane): () => FtwResult {
  let result: FtwResult | undefined;
  beforeAll(async () => {
    const engine = loadRuleSet({ sources: crsTestRules(rules) }).policy({
      budgetMicros: BUDGET_MICROS,
    });
    result = await runFtw({ directory, engine });
    console.info(JSON.stringify({ ...result, failures: undefined, passedIds: undefined }));
  }, 300_000);
  const get = () => result as FtwResult;

  test("fail only where the list says so", () => {
    const unknown = get().failures.filter(({ id }) => exceptions[id] === undefined);
    expect(unknown.map(({ id, reasons }) => `${id}: ${reasons.join(", ")}`)).toEqual([]);
  });

  test("pass nowhere that the list says they fail", () => {
    expect(get().passedIds.filter((id) => exceptions[id] !== undefined)).toEqual([]);
  });

  test("stand behind every exception", () => {
    const ids = new Set(get().failures.map(({ id }) => id));
    expect(Object.keys(exceptions).filter((id) => !ids.has(id))).toEqual([]);
  });
  return get;
}

const shareOf = ({ passed, failed }: { passed: number; failed: number }): number =>
  passed / (passed + failed);

describe.skipIf(!hasCrs3)("the tests of the Core Rule Set 3.3", () => {
  const result = judge({ rules: crs3, directory: crs3Tests, exceptions: CRS_3_EXCEPTIONS });

  test("pass at least as often as ever", () => {
    // Floors: they only rise.
    expect(result().passed).toBeGreaterThanOrEqual(1_273);
    expect(shareOf(result())).toBeGreaterThanOrEqual(0.99);
  });
});

// An operator's own lane, and no skipped test: no package holds these rules.
if (hasCrs4) {
  describe("the tests of the Core Rule Set 4", () => {
    const rules = { directory: crs4 };
    const result = judge({ rules, directory: crs4Tests, exceptions: CRS_4_EXCEPTIONS });

    test.each([
      ["requests", false, 0.99],
      ["answers", true, 0.95],
    ])("pass for %s at least as often as ever", (_name, isResponse, floor) => {
      const isOfLane = (file: string) => file.startsWith("RESPONSE-") === isResponse;
      const failed = result().failures.filter(({ file }) => isOfLane(file)).length;
      const passed = result().passedIds.filter(
        (id) => Number.parseInt(id) >= 950_000 === isResponse,
      ).length;
      expect(shareOf({ passed, failed })).toBeGreaterThanOrEqual(floor);
    });
  });
}
