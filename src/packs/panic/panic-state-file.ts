/**
 * The file in which break-glass outlives a restart: what is on, and which approvals have been used. What it says is
 * checked, never trusted: a file that is not whole, or that others may write, switches nothing on.
 */
import { open } from "node:fs/promises";
import { replaceFile } from "../life/durable-file.ts";
import { asObject } from "../sign/strict-object.ts";
import type { Approval } from "./approval.ts";
import type { UsedApproval } from "./approvals.ts";
import { BreakGlassRefused } from "./break-glass-error.ts";

/** Break-glass as it was switched on. */
export interface PanicRecord {
  readonly startedMs: number;
  readonly untilMs: number;
  readonly ttlSec: number;
  readonly reason: string;
  readonly by?: string;
  readonly approval?: Approval;
  /** `keyId` of the key that approved. */
  readonly approvedBy?: string;
  /** Seconds that the machine had been up: time that passes whatever the clock says. */
  readonly startedUptimeSec: number;
}

export interface PanicState {
  readonly active: PanicRecord | undefined;
  readonly usedApprovals: readonly UsedApproval[];
}

const FORMAT = "portcullis-breakglass/1";
const FILE_MODE = 0o600;
const OTHERS_MAY_WRITE = 0o022;

/** One record and a thousand nonces are a tenth of it. Raised, a planted file costs that much memory at start. */
const STATE_LIMIT_BYTES = 1_048_576;

/** Undefined where there is no file. Throws `breakglass.state_refused`. */
export async function readPanicState(path: string): Promise<PanicState | undefined> {
  let text: string;
  try {
    text = await readOwnFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw refusalOf(path, error instanceof Error ? error.message : String(error));
  }
  const state = parseState(text);
  if (state === undefined) throw refusalOf(path, "it is not what this program writes");
  return state;
}

/** Throws `breakglass.state_unwritable`. */
export async function writePanicState(path: string, state: PanicState): Promise<void> {
  const { active, usedApprovals } = state;
  const text = `${JSON.stringify({ format: FORMAT, active: active ?? null, used_approvals: usedApprovals })}\n`;
  try {
    // A rename that is not durable yet is gone only with a power loss: break-glass is then off, which is the safe side.
    await replaceFile(path, text, FILE_MODE);
  } catch (error) {
    throw new BreakGlassRefused(
      "breakglass.state_unwritable",
      `${path}: ${error instanceof Error ? error.message : String(error)}; make the folder writable with free space`,
      error,
    );
  }
}

async function readOwnFile(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("it is not a regular file");
    if (stats.size > STATE_LIMIT_BYTES) throw new Error(`it has ${stats.size} bytes`);
    if ((stats.mode & OTHERS_MAY_WRITE) !== 0) throw new Error("others may write it; chmod 600");
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function refusalOf(path: string, why: string): BreakGlassRefused {
  return new BreakGlassRefused(
    "breakglass.state_refused",
    `${path}: ${why}; break-glass is off, and starting it again replaces the file`,
  );
}

function parseState(text: string): PanicState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { format, active, used_approvals: used } = asObject(value) ?? {};
  if (format !== FORMAT) return undefined;
  if (!Array.isArray(used) || !used.every(isUsedApproval)) return undefined;
  if (active !== null && !isPanicRecord(active)) return undefined;
  return { active: active ?? undefined, usedApprovals: used };
}

function isUsedApproval(value: unknown): value is UsedApproval {
  const used = asObject(value);
  return used !== undefined && typeof used["nonce"] === "string" && isTime(used["endMs"]);
}

function isPanicRecord(value: unknown): value is PanicRecord {
  const record = asObject(value) ?? {};
  const { startedMs, untilMs, ttlSec, reason, by, approval, approvedBy, startedUptimeSec } = record;
  return (
    isTime(startedMs) &&
    isTime(untilMs) &&
    Number.isSafeInteger(ttlSec) &&
    untilMs - startedMs === (ttlSec as number) * 1_000 &&
    typeof reason === "string" &&
    isTextOrAbsent(by) &&
    isTextOrAbsent(approvedBy) &&
    (approval === undefined || isApproval(approval)) &&
    typeof startedUptimeSec === "number" &&
    startedUptimeSec >= 0
  );
}

function isApproval(value: unknown): value is Approval {
  const { signature, notAfter, nonce } = asObject(value) ?? {};
  return [signature, notAfter, nonce].every((text) => typeof text === "string");
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value);

const isTextOrAbsent = (value: unknown): boolean =>
  value === undefined || typeof value === "string";
