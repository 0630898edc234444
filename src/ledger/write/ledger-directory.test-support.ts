/** Ledgers for tests: directories of their own, options, what stands in them, and whether they verify. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { LedgerEvent, LedgerOptions } from "../ledger.ts";
import { readLine, type LedgerLine } from "../line.ts";
import { findSegments } from "../read/segment-files.ts";
import { createSigningKeyPem, readSigningKey } from "../signing-key.ts";
import { verifyLedger } from "../verify/verify-ledger.ts";

export const ORIGIN = "gateway-1.example.bank";
export const SIGNING_KEY_PEM: string = createSigningKeyPem();
export const VERIFIER_KEY: string = readSigningKey(SIGNING_KEY_PEM, ORIGIN).verifierKey;

const directories: string[] = [];

/** For tests that make hundreds of small files durable where the disk is not what is tested. */
export const QUICK_PLACE: string = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export function newDirectory(place: string = tmpdir()): string {
  const directory = mkdtempSync(join(place, "portcullis-ledger-"));
  directories.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of directories.splice(0))
    rmSync(directory, { recursive: true, force: true });
}

export interface TestOptions extends LedgerOptions {
  readonly events: LedgerEvent[];
}

/** Options for a directory; all events are kept. */
export function optionsFor(directory: string, over: Partial<LedgerOptions> = {}): TestOptions {
  const events: LedgerEvent[] = [];
  return {
    directory,
    origin: ORIGIN,
    signingKeyPem: SIGNING_KEY_PEM,
    sign: "checkpoint",
    writer: "portcullis/test",
    segment: { limitBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000, isCompressed: false },
    group: { maxWaitMs: 10, maxEntries: 256 },
    onEvent: (event) => events.push(event),
    ...over,
    events,
  };
}

/** An allowed decision that can be found again by its number. */
export function decision(serial: number): string {
  return `"kind":"decision","request_id":"req-${serial}","decision":"allow","serial":${serial}`;
}

/** All lines that count, in order; no check is made but that each is one. */
export async function linesIn(directory: string): Promise<LedgerLine[]> {
  const lines: LedgerLine[] = [];
  for (const file of (await findSegments(directory)).segments) {
    const stored = readFileSync(file.path);
    const text = file.isCompressed ? gunzipSync(stored) : stored;
    let start = 0;
    for (let end = text.indexOf(0x0a); end >= 0; end = text.indexOf(0x0a, start)) {
      const { lastSeq = Number.POSITIVE_INFINITY } = file;
      const bytes = text.subarray(start, end);
      start = end + 1;
      const line = readLine(bytes);
      if (line.seq <= lastSeq) lines.push(line);
    }
  }
  return lines;
}

/** Throws unless all of the directory is proven with the key of these tests. */
export async function requireProven(directory: string): Promise<void> {
  const verification = await verifyLedger(directory, { publicKeys: [VERIFIER_KEY] });
  if (verification.isProven) return;
  throw new Error(`${verification.conclusion}\n${JSON.stringify(verification.findings, null, 2)}`);
}
