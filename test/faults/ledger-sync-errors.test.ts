/** A disk that fails a write or does not confirm it, made by strace: nothing of that group is acknowledged. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  linesIn,
  newDirectory,
  removeDirectories,
  requireProven,
} from "../../src/ledger/write/ledger-directory.test-support.ts";
import { LedgerProcess } from "./ledger-process.ts";

const STRACE = "/usr/bin/strace";
const mayTrace = process.platform === "linux" && existsSync(STRACE);
if (!mayTrace)
  console.warn(`SKIPPED: errors of fsync are injected by ${STRACE}, which is not here`);

const CALLERS = 16;
const TEST_LIMIT_MS = 180_000;

/** Fails the given calls: `when` as strace counts them, over all threads. */
const inject = (calls: string, error: string, when: string): string[] => {
  const injection = `inject=${calls}:error=${error}:when=${when}`;
  return [STRACE, "-f", "-qq", "-e", `trace=${calls}`, "-e", injection, "-o", "/dev/null"];
};

afterAll(removeDirectories);

describe.skipIf(!mayTrace)("a sync that fails", () => {
  test.each([
    ["the first group's", "1"],
    ["the tenth group's", "10"],
    ["three in a row", "5..7"],
    ["every twentieth", "20+20"],
  ])(
    "%s: its file is never used again, and all that was acknowledged is there",
    async (_name, when) => {
      const directory = newDirectory();
      const under = inject("fdatasync", "EIO", when);
      const subject = new LedgerProcess({ directory, callers: CALLERS, under });
      await subject.until("a failure", () => subject.events.includes("failed sync_failed"));
      await subject.until("the recovery", () => subject.events.includes("recovered sync_failed"));
      const soFar = subject.acknowledged.size;
      await subject.until("further entries", () => subject.acknowledged.size > soFar + CALLERS);
      await subject.stop();
      expect(new Set(subject.refusals)).toEqual(new Set(["ledger.unavailable"]));
      await subject.requireAcknowledged(directory);
      const setAside = (await linesIn(directory)).flatMap(({ value }) => value["set_aside"] ?? []);
      expect(setAside).toContainEqual(expect.objectContaining({ segment: 0 }));
      await requireProven(directory);
    },
    TEST_LIMIT_MS,
  );

  test(
    "of a new segment: the file is not left behind, and the next one is begun",
    async () => {
      const directory = newDirectory();
      const segment = { limitBytes: 20_000, maxAgeMs: 3_600_000, isCompressed: false };
      // The lock's and the first segment's syncs come first: these hit later segments and `checkpoint` files.
      const under = inject("fsync", "EIO", "20..23");
      const subject = new LedgerProcess({ directory, callers: CALLERS, under, over: { segment } });
      await subject.until("several segments", () =>
        readdirSync(directory).includes("00000020.ndjson"),
      );
      await subject.stop();
      await subject.requireAcknowledged(directory);
      await requireProven(directory);
    },
    TEST_LIMIT_MS,
  );
});

describe.skipIf(!mayTrace)("a write that fails", () => {
  test.each([
    ["the fifth group's, in its file", "EIO", "5"],
    ["a full quota", "EDQUOT", "9"],
  ])(
    "%s: nobody is told that it succeeded, and the stream goes on in a new segment",
    async (_name, error, when) => {
      const directory = newDirectory();
      // By path: the program's own pipe goes through write(2) as well.
      const [strace = "", ...rest] = inject("write", error, when);
      const under = [strace, "-P", join(directory, "00000000.ndjson"), ...rest];
      const subject = new LedgerProcess({ directory, callers: CALLERS, under });
      await subject.until("a failure", () => subject.events.includes("failed write_failed"));
      await subject.until("the recovery", () => subject.events.includes("recovered write_failed"));
      const soFar = subject.acknowledged.size;
      await subject.until("further entries", () => subject.acknowledged.size > soFar + CALLERS);
      await subject.stop();
      expect(subject.refusals.length).toBeGreaterThan(0);
      await subject.requireAcknowledged(directory);
      await requireProven(directory);
    },
    TEST_LIMIT_MS,
  );
});
