/**
 * Reads a directory of FTW files, in the form of the published schema and in the older one of CRS 3; what it does not
 * understand it must never skip: a test that silently lost an assertion always passes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { parse } from "yaml";
import { FtwFileRefused, type FtwStage, type FtwTest } from "./ftw-test.ts";
import { readExpectation } from "./read-expectation.ts";
import { readInput } from "./read-input.ts";
import { NodeFault, StrictNode, type TextTree } from "./strict-node.ts";

export interface FtwSuite {
  readonly files: number;
  /** Files that say `meta.enabled: false`; their tests are not among `tests`. */
  readonly disabledFiles: readonly string[];
  readonly disabledTests: number;
  readonly tests: readonly FtwTest[];
}

/** Every `.yaml` and `.yml` below the directory, in order of their paths. Throws `FtwFileRefused`. */
export function readFtw(directory: string): FtwSuite {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort();
  const tests: FtwTest[] = [];
  const disabledFiles: string[] = [];
  let disabledTests = 0;
  for (const name of files) {
    const file = name.split(sep).join("/");
    const read = readFtwText(readFileSync(join(directory, name), "utf8"), file);
    if (read.isEnabled) tests.push(...read.tests);
    else {
      disabledFiles.push(file);
      disabledTests += read.tests.length;
    }
  }
  return { files: files.length, disabledFiles, disabledTests, tests };
}

/** The tests of one file, also of a disabled one. Throws `FtwFileRefused`. */
export function readFtwText(
  text: string,
  file: string,
): { isEnabled: boolean; tests: readonly FtwTest[] } {
  try {
    return readDocument(new StrictNode(parse(text, { schema: "failsafe" }) as TextTree), file);
  } catch (error) {
    if (error instanceof NodeFault) throw new FtwFileRefused(file, error.message);
    // What the YAML reader throws; anything else is a fault of ours and keeps its stack.
    if (error instanceof Error && error.name === "YAMLParseError") {
      throw new FtwFileRefused(file, error.message);
    }
    throw error;
  }
}

// `author` stands at the top of one published file by a slip of its indentation.
const DOCUMENT_KEYS = ["meta", "author", "rule_id", "tests"];
const META_KEYS = ["author", "description", "enabled", "name", "version", "tags"];
const TEST_KEYS = ["test_id", "test_title", "rule_id", "desc", "tags", "stages"];
const STAGE_KEYS = ["description", "input", "output"];

function readDocument(document: StrictNode, file: string) {
  if (document.isEmpty()) return { isEnabled: true, tests: [] };
  const members = document.members(DOCUMENT_KEYS);
  const meta = members.get("meta");
  const metaMembers = meta === undefined || meta.isEmpty() ? undefined : meta.members(META_KEYS);
  const ruleId = members.get("rule_id")?.text();
  const nodes = members.get("tests")?.items() ?? document.fail("has no tests");
  const tests = nodes.map((node) => readTest(node, file, ruleId));
  return { isEnabled: metaMembers?.get("enabled")?.flag() ?? true, tests };
}

function readTest(node: StrictNode, file: string, fileRuleId: string | undefined): FtwTest {
  const members = node.members(TEST_KEYS);
  const number = members.get("test_id")?.text();
  const ruleId = members.get("rule_id")?.text() ?? fileRuleId;
  const id =
    members.get("test_title")?.text() ??
    (ruleId === undefined || number === undefined ? undefined : `${ruleId}-${number}`);
  const stages = (members.get("stages")?.items() ?? []).map(readStage);
  if (stages.length === 0) node.fail("has no stages");
  return {
    id: id ?? node.fail("has neither test_title nor rule_id and test_id"),
    file,
    description: members.get("desc")?.text() ?? "",
    stages,
  };
}

function readStage(node: StrictNode): FtwStage {
  const outer = node.members(["stage", ...STAGE_KEYS]);
  const older = outer.get("stage");
  const members = older?.members(STAGE_KEYS) ?? outer;
  const input = members.get("input") ?? node.fail("has no input");
  const output = members.get("output") ?? node.fail("has no output");
  return { input: readInput(input, older !== undefined), expected: readExpectation(output) };
}
