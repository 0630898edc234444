import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { findSegments } from "../read/segment-files.ts";
import { checkFiles } from "./check-files.ts";
import { FindingList } from "./finding.ts";
import {
  filesOf,
  makeLedger,
  newKey,
  removeDirectories,
  segmentName,
  writeDirectory,
} from "./ledger-fixture.test-support.ts";

afterAll(removeDirectories);

const key = newKey();
const ledger = makeLedger({ key });
const PLAIN = segmentName(0);
const PACKED = `${PLAIN}.gz`;
const plain = filesOf(ledger).get(PLAIN) as Buffer;

/** A segment under both of its names, as between a compression's last two steps. */
function bothNames(packed: Buffer): string {
  const directory = writeDirectory({
    segments: filesOf(ledger),
    note: ledger.note,
    publicKey: key.verifierKey,
  });
  writeFileSync(join(directory, PACKED), packed);
  return directory;
}

async function kindsOf(directory: string, removedMeanwhile?: string): Promise<string[]> {
  const listing = await findSegments(directory);
  if (removedMeanwhile !== undefined) rmSync(join(directory, removedMeanwhile));
  const findings = new FindingList();
  await checkFiles(listing, findings);
  return findings.sorted().map(({ kind }) => kind);
}

describe("a segment that is there twice", () => {
  test("with the same lines is what compressing leaves", async () => {
    expect(await kindsOf(bothNames(gzipSync(plain)))).toEqual([]);
  });

  test.each([
    ["other lines", gzipSync(plain.subarray(0, plain.length - 9))],
    ["bytes that cannot be unpacked", gzipSync(plain).subarray(0, 99)],
  ])("with %s is a finding", async (_name, packed) => {
    expect(await kindsOf(bothNames(packed))).toEqual(["segment_repeated"]);
  });

  test.each([PLAIN, PACKED])("is none when %s went after the listing", async (name) => {
    expect(await kindsOf(bothNames(gzipSync(plain)), name)).toEqual([]);
  });
});
