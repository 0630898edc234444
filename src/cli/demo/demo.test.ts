/** The demo as anyone runs it: real processes, real TLS, a real model; every row as expected and nothing left behind. */
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { verifyLedger } from "../../ledger/verify/verify-ledger.ts";
import { PLAY } from "./play.ts";

const MAIN = join(import.meta.dirname, "..", "main.ts");
const directory = mkdtempSync(join(tmpdir(), "portcullis-demo-once-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runDemo(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, "demo", ...args],
      { cwd: directory },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test("demo --once: every answer is as expected", { timeout: 90_000 }, async () => {
  const { code, stdout, stderr } = await runDemo("--once", "--json", "--port", "0");
  const report = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as {
    rows: { request: string; problems: string[] }[];
  };
  expect(
    report.rows.filter(({ problems }) => problems.length > 0),
    stderr,
  ).toEqual([]);
  expect(report.rows.map(({ request }) => request)).toEqual(PLAY.map(({ title }) => title));
  expect(code).toBe(0);
  expect(readdirSync(join(directory, ".portcullis"))).toEqual([".gitignore"]);
});

test(
  "demo --ledger: what it leaves is whole, proven, and holds every answer",
  { timeout: 90_000 },
  async () => {
    const ledger = join(directory, "left");
    const { code } = await runDemo("--once", "--json", "--port", "0", "--ledger", ledger);
    expect(code).toBe(0);
    const { isProven, findings } = await verifyLedger(ledger);
    expect(findings).toEqual([]);
    expect(isProven).toBe(true);
    expect(readdirSync(ledger)).toContain("00000000.ndjson");
    const text = readFileSync(join(ledger, "00000000.ndjson"), "utf8");
    expect(text.match(/"kind":"decision"/g)?.length).toBeGreaterThanOrEqual(PLAY.length);
    const again = await runDemo("--once", "--port", "0", "--ledger", ledger);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("is not empty");
  },
);

test("a taken port: it says what to do", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await runDemo("--once", "--port", String(port));
  server.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken`);
  expect(stderr).toContain("--port");
});
