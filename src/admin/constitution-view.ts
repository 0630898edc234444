/** The constitution in JSON, for operators and their tools. It holds names, counts and findings; of requests, nothing. */
import type { Constitution } from "../packs/life/constitution.ts";
import type { LoadedPack } from "../packs/life/loaded-pack.ts";
import type { ShadowPair, ShadowReport, ShadowSide } from "../packs/life/shadow-counts.ts";
import { nameOfFinding } from "../packs/prove/lint-finding.ts";
import type { BreakGlassState } from "../packs/panic/break-glass-event.ts";

/** `GET /_constitution`. */
export function viewOf(
  constitution: Constitution,
  breakGlass: BreakGlassState | undefined,
): object {
  const { active, next, canary, prev, canaryShare } = constitution;
  const report = constitution.shadowReport();
  return {
    ok: true,
    active: packView(active),
    next: next ? packView(next) : null,
    canary: canary ? packView(canary) : null,
    prev: prev ? packView(prev) : null,
    canary_share: canaryShare ?? null,
    break_glass: breakGlass ? breakGlassView(breakGlass) : null,
    shadow: report ? countsOf(report) : null,
  };
}

/** `GET /_constitution/shadow`. */
export function shadowView(report: ShadowReport): object {
  return {
    ok: true,
    active: report.active,
    candidate: report.candidate,
    ...countsOf(report),
    other_pairs: report.otherPairs,
    pairs: report.pairs.map(pairView),
  };
}

export function breakGlassView(state: BreakGlassState): object {
  const { source, startedMs, untilMs, reason, by, approvedBy } = state;
  return {
    source,
    since: timeOf(startedMs),
    until: timeOf(untilMs),
    reason,
    by: by ?? null,
    approved_by: approvedBy ?? null,
  };
}

function packView(pack: LoadedPack): object {
  return {
    id: pack.id,
    version: pack.version,
    blake3: pack.blake3,
    name: pack.name ?? null,
    release: pack.releaseVersion ?? null,
    expires: pack.expiresMs === undefined ? null : timeOf(pack.expiresMs),
    loaded: timeOf(pack.loadedAtMs),
    findings: pack.findings.map((finding) => ({
      name: nameOfFinding(finding),
      severity: finding.severity,
      message: finding.message,
      line: finding.line,
    })),
  };
}

function countsOf(report: ShadowReport): object {
  const { sinceMs, evaluated, agreed, enforced, failed, opened, closed } = report;
  return { since: timeOf(sinceMs), evaluated, agreed, enforced, failed, opened, closed };
}

function pairView({ active, candidate, count, firstMs, lastMs, samples }: ShadowPair): object {
  return {
    active,
    candidate,
    count,
    first: timeOf(firstMs),
    last: timeOf(lastMs),
    samples: samples.map((sample) => ({
      at: timeOf(sample.atMs),
      id: sample.id ?? null,
      active: sideView(sample.active),
      candidate: sideView(sample.candidate),
    })),
  };
}

function sideView({ output, effect, wire, bitFailed, bitValue }: ShadowSide): object {
  return {
    output,
    effect,
    wire: wire ?? null,
    bit_failed: bitFailed ?? null,
    bit_value: bitValue ?? null,
  };
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
