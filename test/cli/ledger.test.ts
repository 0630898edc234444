import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  filesOf,
  makeLedger,
  newKey,
  ORIGIN,
  removeDirectories,
  segmentName,
  temporaryDirectory,
  writeDirectory,
} from "../../src/ledger/verify/ledger-fixture.test-support.ts";
import { runCommand } from "./command.ts";

afterAll(removeDirectories);

const KEY = newKey();
const LEDGER = makeLedger({
  key: KEY,
  noteAt: [12],
  members: (seq) =>
    `"kind":"decision","request_id":"r-${seq}","who":{"caller":"batch-${seq % 2}","tenant":"retail"},"model":"churn","decision":"${seq % 3 === 0 ? "deny" : "allow"}","status":200,"stage":"limits","code":"limits.bucket_empty"`,
});
const directoryOf = (segments = filesOf(LEDGER)): string =>
  writeDirectory({ segments, note: LEDGER.note, publicKey: KEY.verifierKey });
const ledger = (...args: string[]) => runCommand(["ledger", ...args]);
const fileOf = (text: string): string => {
  const path = join(temporaryDirectory(), "file");
  writeFileSync(path, text);
  return path;
};

describe("portcullis ledger verify", () => {
  test("proves a sound ledger and exits with 0", async () => {
    const directory = directoryOf();
    const kept = fileOf(LEDGER.notes.get(12) as string);
    const key = fileOf(`${KEY.verifierKey}\n`);
    const { code, stdout } = await ledger(
      "verify",
      directory,
      "--checkpoint",
      kept,
      "--public-key",
      key,
    );
    expect({ code, first: stdout.split("\n").slice(0, 2) }).toEqual({
      code: 0,
      first: [`${directory}: proven`, "Proven: lines 0 to 32, unaltered, complete and in order."],
    });
  });

  test("says which line is damaged and how, and exits with 1", async () => {
    const files = filesOf(LEDGER);
    const bytes = files.get(segmentName(1)) as Buffer;
    bytes[bytes.indexOf("status", bytes.indexOf('"seq":14,'))] = 0x53;
    const directory = directoryOf(files);
    const { code, stdout } = await ledger("verify", directory);
    expect(code).toBe(1);
    expect(stdout).toContain("NOT PROVEN");
    expect(stdout).toContain("00000001.ndjson:4: line 14: line_altered: ");
    const json = await ledger("verify", directory, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ isProven: false, findings: [{ seq: 14 }] });
  });

  test.each([
    ["no directory", "absent", [], /ENOENT.*name the directory of a ledger/],
    ["a directory without a ledger", temporaryDirectory(), [], /no ledger here/],
    ["a key that is none", directoryOf(), ["--public-key", "nonsense"], /not a public key/],
    [
      "no such checkpoint",
      directoryOf(),
      ["--checkpoint", "absent"],
      /absent: there is no such file/,
    ],
  ])("exits with 2 when nothing can be said: %s", async (_name, directory, args, message) => {
    const { code, stderr } = await ledger("verify", directory, ...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
  });
});

describe("portcullis ledger show", () => {
  test("shows lines as they are, filtered", async () => {
    const { stdout } = await ledger(
      "show",
      directoryOf(),
      "--json",
      "--decision",
      "deny",
      "--caller",
      "batch-1",
    );
    const all = LEDGER.segments.flat().map(String);
    expect(stdout).toBe(
      all.filter((line) => line.includes('"deny"') && line.includes('"batch-1"')).join(""),
    );
  });

  test("shows the newest first, and no more than asked for", async () => {
    const { stdout } = await ledger(
      "show",
      directoryOf(),
      "--kind",
      "decision",
      "--reverse",
      "--limit",
      "5",
      "--json",
    );
    const seqs = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(seqs).toEqual([30, 29, 28, 26, 25]);
  });

  test("shows a table for people", async () => {
    const { stdout, code } = await ledger("show", directoryOf(), "--request-id", "r-3");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^seq .*\n3 .*decision .*deny .*200 .*limits.bucket_empty .*batch-1 .*churn .*r-3\n$/,
    );
  });
});

describe("proofs", () => {
  test("of a line are checked with the public key alone; of a changed one not", async () => {
    const proof = join(temporaryDirectory(), "line.tlog-proof");
    expect(await ledger("prove", directoryOf(), "17", "-o", proof)).toMatchObject({
      code: 0,
      stderr: "",
    });
    const good = await ledger("verify-proof", proof, "--public-key", KEY.verifierKey, "--json");
    expect(JSON.parse(good.stdout)).toMatchObject({ seq: 17, request_id: "r-17" });
    const changed = fileOf(readFileSync(proof, "utf8").replace("index 17", "index 16"));
    const bad = await ledger("verify-proof", changed, "--public-key", KEY.verifierKey);
    expect(bad).toMatchObject({ code: 1, stdout: "" });
  });

  test("of consistency hold for two checkpoints of one history, and not for two histories", async () => {
    const directory = directoryOf();
    const older = fileOf(LEDGER.notes.get(12) as string);
    const newer = fileOf(LEDGER.note);
    expect(await ledger("consistency", directory, older, newer)).toMatchObject({
      code: 0,
      stdout: "consistent: the first 12 of 33 lines are the same\n",
    });
    const other = makeLedger({ key: KEY, noteAt: [12] });
    const forked = fileOf(other.notes.get(12) as string);
    expect(await ledger("consistency", directory, forked, newer)).toMatchObject({ code: 1 });
  });
});

describe("keys and joins", () => {
  test("a new key is for its owner alone, and never written over another", async () => {
    const path = join(temporaryDirectory(), "ledger.key");
    const { code, stdout } = await ledger("keygen", path, "--origin", ORIGIN);
    expect({ code, mode: statSync(path).mode & 0o777 }).toEqual({ code: 0, mode: 0o600 });
    expect(stdout).toMatch(new RegExp(`^${ORIGIN.replaceAll(".", "\\.")}\\+[0-9a-f]{8}\\+`));
    const pem = readFileSync(path, "utf8");
    expect(await ledger("keygen", path)).toMatchObject({ code: 2, stdout: "" });
    expect(readFileSync(path, "utf8")).toBe(pem);
  });

  test("one note over two streams anchors each", async () => {
    const folder = temporaryDirectory();
    const [pem, note] = [join(folder, "fleet.key"), join(folder, "fleet.note")];
    const key = (await ledger("keygen", pem, "--origin", "fleet")).stdout.trim();
    const otherKey = newKey("gateway-2");
    const other = makeLedger({ key: otherKey });
    const directories = [
      directoryOf(),
      writeDirectory({
        segments: filesOf(other),
        note: other.note,
        publicKey: otherKey.verifierKey,
      }),
    ];
    const joined = await ledger("join", ...directories, "--key", pem, "-o", note);
    expect(joined).toMatchObject({ code: 0, stderr: "" });
    for (const directory of directories) {
      const { code, stdout } = await ledger(
        "verify",
        directory,
        "--checkpoint",
        note,
        "--join-key",
        key,
      );
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("1 outside checkpoints agree"),
      });
    }
  });
});
