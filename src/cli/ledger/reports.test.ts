import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { commit } from "../../ledger/commitment.ts";
import type { Report } from "../../ledger/report/report.ts";
import { decision, SmallLedger } from "../../ledger/report/small-ledger.test-support.ts";
import { Salts, SALTS_FILE } from "../../ledger/salts.ts";
import { addLedgerCommitment, addLedgerErase } from "./erase.ts";
import { addLedgerExport } from "./export.ts";

const START_MS = Date.UTC(2026, 10, 22);

let directory: string;
let said: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-ledger-cli-"));
  said = "";
  const hear = (...parts: unknown[]): void => void (said += `${parts.join(" ")}\n`);
  vi.spyOn(console, "log").mockImplementation(hear);
  vi.spyOn(console, "error").mockImplementation(hear);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** Runs a command; answers its exit code. */
async function ledger(...words: string[]): Promise<number> {
  const command = new Command("ledger").exitOverride();
  for (const add of [addLedgerErase, addLedgerCommitment, addLedgerExport]) add(command);
  for (const each of command.commands) each.exitOverride().configureOutput({ writeErr: () => {} });
  process.exitCode = undefined;
  await command.parseAsync(words, { from: "user" });
  return process.exitCode === undefined ? 0 : Number(process.exitCode);
}

function writeLedger(): SmallLedger {
  return new SmallLedger(directory, START_MS)
    .open("start")
    .line(decision({ caller: "core-banking" }))
    .at(START_MS + 3_600_000)
    .line(decision({ caller: "crm", decision: "deny" }))
    .sign()
    .close("stop");
}

describe("ledger export", () => {
  const output = () => join(directory, "report");

  test("verifies, and writes Markdown, HTML and JSON of the same report, for its owner alone", async () => {
    const { verifierKey } = writeLedger();
    const key = join(directory, "trusted.pub");
    writeFileSync(key, `${verifierKey}\n`);
    expect(await ledger("export", directory, "-o", output(), "--public-key", key)).toBe(0);
    expect(readFileSync(output(), "utf8")).toContain("# Audit report of a decision ledger");
    expect(statSync(output()).mode & 0o077).toBe(0);
    await ledger("export", directory, "-o", output(), "--format", "html");
    expect(readFileSync(output(), "utf8")).toMatch(
      /^<!doctype html>[^]*core-banking[^]*<\/html>\n$/,
    );
    await ledger(
      "export",
      directory,
      "-o",
      output(),
      "--format",
      "json",
      "--public-key",
      verifierKey,
    );
    const report = JSON.parse(readFileSync(output(), "utf8")) as Report;
    expect(report.decisions.total).toBe(2);
    expect(report.verification?.statements.join()).toContain(verifierKey);
    expect(report.verification).toMatchObject({ isProven: true, findings: [] });
  });

  test("covers a period", async () => {
    writeLedger();
    await ledger(
      "export",
      directory,
      "-o",
      output(),
      "--format",
      "json",
      "--since",
      "2026-11-22T01:00:00Z",
    );
    const { decisions } = JSON.parse(readFileSync(output(), "utf8")) as Report;
    expect(decisions.byCaller.rows.map(({ names }) => names[0])).toEqual(["crm"]);
  });

  test("of a ledger that was changed says so, and fails", async () => {
    writeLedger();
    const path = join(directory, "00000000.ndjson");
    writeFileSync(path, readFileSync(path, "utf8").replace("core-banking", "core-bonking"));
    expect(await ledger("export", directory, "-o", output())).toBe(1);
    const text = readFileSync(output(), "utf8");
    expect(text).toContain("**The ledger is not proven");
    expect(text).toContain("line_altered");
  });

  test.each(["yesterday", "2026-02-30", "2026-11-22T13:00:00", "7", "-1d"])(
    "refuses the time %j",
    async (time) => {
      writeLedger();
      await expect(ledger("export", directory, `--since=${time}`)).rejects.toThrow(/Write a time/);
    },
  );
});

describe("ledger erase and check-body", () => {
  test("a body is the recorded one until its subject is erased", async () => {
    const file = join(directory, "body.json");
    writeFileSync(file, '{"a":1}');
    const salts = new Salts({ path: join(directory, SALTS_FILE), use: "gateway" });
    const salt = salts.saltOf("alice@example.org");
    const commitments = {
      salt: salt.id,
      request: commit(salt, Buffer.from('{"a":1}')),
      request_bytes: 7,
    };
    salts.close();
    new SmallLedger(directory, START_MS)
      .open("start")
      .line(decision({ requestId: "r1", more: { commitments } }))
      .flush();
    expect(await ledger("check-body", directory, "r1", file)).toBe(0);
    expect(said).toMatch(/^same: line 1/);
    expect(await ledger("check-body", directory, "r1", file, "--response")).toBe(1);
    expect(await ledger("check-body", directory, "r2", file)).toBe(1);
    writeFileSync(file, '{"a":2}');
    expect(await ledger("check-body", directory, "r1", file)).toBe(1);
    expect(said).toMatch(/other: line 1/);
    expect(await ledger("erase", directory, "--subject", "alice@example.org")).toBe(0);
    expect(await ledger("check-body", directory, "r1", file)).toBe(1);
    expect(said).toMatch(/erased: line 1/);
    expect(await ledger("erase", directory, "--subject", "alice@example.org")).toBe(1);
    expect(said).toMatch(/no salt of that subject/);
  });

  test("a directory without salts is named, and none are made", async () => {
    await expect(ledger("erase", directory, "--subject", "x")).rejects.toThrow(/does not exist/);
  });
});
