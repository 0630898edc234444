/** A disk that is full, for real: entries are refused while it is, nothing acknowledged is lost, and freed space ends it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLedger } from "../../src/ledger/ledger.ts";
import {
  decision,
  linesIn,
  newDirectory,
  optionsFor,
  removeDirectories,
  requireProven,
} from "../../src/ledger/write/ledger-directory.test-support.ts";
import { until } from "../support/until.ts";

const mayMount = process.platform === "linux" && process.getuid?.() === 0;
if (!mayMount)
  console.warn("SKIPPED: a full disk can only be made by root on Linux (mount -t tmpfs)");

const DISK = "4m";
const PATIENCE_MS = 30_000;
/** Large entries, so that few fill the disk. */
const entry = (serial: number): string => `${decision(serial)},"filler":"${"x".repeat(20_000)}"`;

describe.skipIf(!mayMount)("a disk that is full", () => {
  let mountPoint: string;
  let directory: string;

  beforeAll(() => {
    mountPoint = newDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK}`, "portcullis-test", mountPoint]);
    directory = join(mountPoint, "ledger");
    mkdirSync(directory);
  });

  afterAll(() => {
    execFileSync("umount", [mountPoint]);
    removeDirectories();
  });

  test("refuses entries, loses none that it took, and writes again when there is space", async () => {
    const ballast = join(mountPoint, "ballast");
    writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024, 1));
    const options = optionsFor(directory);
    const ledger = await openLedger(options);
    const acknowledged = new Map<number, number>();
    let serial = 0;
    const fill = async (): Promise<void> => {
      while (ledger.state === "writing") {
        serial += 1;
        const own = serial;
        await ledger.append(entry(own)).then(
          (seq) => acknowledged.set(own, seq),
          (error: unknown) => expect(error).toMatchObject({ code: "ledger.unavailable" }),
        );
      }
    };
    await Promise.all(Array.from({ length: 8 }, fill));
    expect(options.events).toContainEqual(
      expect.objectContaining({ kind: "failed", cause: "write_failed" }),
    );
    expect(acknowledged.size).toBeGreaterThan(10);

    // As long as nothing is freed, it stays refused: a new segment that just fits does not make room for entries.
    await until("the last page is taken", () => takeRest(join(mountPoint, "rest")), PATIENCE_MS);
    await expect(ledger.append(entry(0))).rejects.toMatchObject({ code: "ledger.unavailable" });

    rmSync(ballast);
    rmSync(join(mountPoint, "rest"), { force: true });
    await until("it writes again", () => ledger.state === "writing", PATIENCE_MS);
    const last = await ledger.append(entry(1_000_000));
    await ledger.close();

    const lines = new Map((await linesIn(directory)).map((line) => [line.seq, line]));
    for (const [own, seq] of acknowledged) expect(lines.get(seq)?.value["serial"]).toBe(own);
    expect(lines.get(last)?.value["serial"]).toBe(1_000_000);
    const recovered = [...lines.values()].find(({ kind }) => kind === "recovered");
    expect(recovered?.value).toMatchObject({ cause: "write_failed" });
    expect(recovered?.value["lost"]).toBeGreaterThan(0);
    await requireProven(directory);
  });

  test("is said at the start, and nothing is left half made", async () => {
    const full = join(mountPoint, "full");
    mkdirSync(full);
    await until("the last page is taken", () => takeRest(join(mountPoint, "rest")), PATIENCE_MS);
    await expect(openLedger(optionsFor(full))).rejects.toMatchObject({
      code: "ledger.directory_unusable",
    });
    rmSync(join(mountPoint, "rest"), { force: true });
    const ledger = await openLedger(optionsFor(full));
    await ledger.append(decision(1));
    await ledger.close();
    await requireProven(full);
  });
});

/** Fills what is free; true when nothing is. */
function takeRest(path: string): boolean {
  const { bavail, bsize } = statfsSync(join(path, ".."));
  if (bavail === 0) return true;
  try {
    writeFileSync(path, Buffer.alloc(bavail * bsize, 1), { flag: "a" });
  } catch {
    // Someone was quicker: look again.
  }
  return false;
}
