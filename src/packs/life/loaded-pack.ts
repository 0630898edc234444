/**
 * From signed bytes to a pack that can decide: verified, read, in its time, proven, compiled. It must never read the
 * bytes a second time, nor give out a pack that any of these steps refused.
 */
import { compilePack, type PackEvaluator } from "../evaluate/evaluator.ts";
import type { Pack } from "../pack.ts";
import { graveFindings } from "../prove/acknowledge.ts";
import { lintPack } from "../prove/lint.ts";
import type { LintFinding } from "../prove/lint-finding.ts";
import { nameOfFinding } from "../prove/lint-finding.ts";
import { readPack } from "../read/read-pack.ts";
import { checkRelease, type ReleaseCircumstances } from "../sign/release.ts";
import { openPack, type OpenedPack, type PackTrust, type SignedSource } from "../sign/trust.ts";
import { LifeRefused } from "./life-error.ts";

/** What a pack is called. */
export interface PackName {
  readonly id: string;
  readonly version: string;
  /** BLAKE3-256 of the rules' exact bytes, 64 lower-case hexadecimal digits. */
  readonly blake3: string;
}

/** A pack that can decide. */
export interface LoadedPack extends PackName {
  /** Of its release, where it has one. */
  readonly name?: string;
  readonly releaseVersion?: number;
  readonly expiresMs?: number;
  readonly evaluator: PackEvaluator;
  /** All that lint says about it, acknowledged or not grave. */
  readonly findings: readonly LintFinding[];
  readonly loadedAtMs: number;
}

/** A loaded pack with what it was loaded from: what is promoted is exactly what was verified. */
export interface KeptPack {
  readonly loaded: LoadedPack;
  readonly source: SignedSource;
  readonly pack: Pack;
  readonly opened: OpenedPack;
}

/** The highest release that was ever active. */
export interface HighestRelease {
  readonly name: string;
  readonly version: number;
  readonly blake3: string;
}

/** What a pack is held against. */
export interface Precedents {
  readonly highest?: HighestRelease | undefined;
  readonly active?: { readonly blake3: string } | undefined;
  /** The pack of this name has its place already: only its time is looked at. */
  readonly standing?: string | undefined;
}

export interface LoadingRules {
  readonly trust: PackTrust;
  /** Names of grave findings that are taken; undefined takes all, for a pack that was active before. */
  readonly acknowledged: readonly string[] | undefined;
  readonly nowMs: number;
}

/** Throws `PackRefused` or `LifeRefused`. */
export function loadPack(
  source: SignedSource,
  precedents: Precedents,
  { trust, acknowledged, nowMs }: LoadingRules,
): KeptPack {
  const opened = openPack(source, trust);
  const pack = readPack(opened.bytes);
  const identity = checkRelease(pack, opened, circumstancesOf(opened.blake3, precedents, nowMs));
  const evaluator = compilePack(pack);
  const findings = lintPack(pack, evaluator);
  if (acknowledged !== undefined) requireAcknowledged(findings, acknowledged);
  const { release } = pack;
  const loaded: LoadedPack = {
    ...identity,
    ...(release && {
      name: release.name,
      releaseVersion: release.version,
      expiresMs: release.expiresMs,
    }),
    evaluator,
    findings,
    loadedAtMs: nowMs,
  };
  return { loaded, source, pack, opened };
}

/** Whether a pack that was loaded before may take its place now: time has passed, and another may be active. */
export function recheckRelease(
  { pack, opened }: KeptPack,
  precedents: Precedents,
  nowMs: number,
): void {
  checkRelease(pack, opened, circumstancesOf(opened.blake3, precedents, nowMs));
}

export function nameOf({ id, version, blake3 }: PackName): PackName {
  return { id, version, blake3 };
}

function circumstancesOf(
  blake3: string,
  { highest, active, standing }: Precedents,
  nowMs: number,
): ReleaseCircumstances {
  if (blake3 === standing) return { nowMs };
  return { nowMs, ...(highest && { highest }), ...(active && { active }) };
}

function requireAcknowledged(
  findings: readonly LintFinding[],
  acknowledged: readonly string[],
): void {
  // One list serves the active pack, its candidate and the one before: what one of them does not have is no fault of it.
  const grave = graveFindings(findings, acknowledged).filter(
    ({ code }) => code !== "lint.unknown_acknowledgement",
  );
  if (grave.length === 0) return;
  throw new LifeRefused(
    "life.unacknowledged",
    `${grave.map((finding) => `${nameOfFinding(finding)}: ${finding.message}`).join("\n")}\ncorrect the pack, or acknowledge by name in the configuration`,
    grave,
  );
}
