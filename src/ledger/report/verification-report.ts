/** What a verification found, in the words of a report. It must never sound surer than the verification. */
import type { Finding } from "../verify/finding.ts";
import type { Verification } from "../verify/verification.ts";
import type { VerificationReport } from "./report.ts";

export function toVerificationReport(verification: Verification): VerificationReport {
  const { conclusion, segments, lines, checkpoints, publicKeys, findings, moreFindings } =
    verification;
  const { verified, outside, notCompared } = checkpoints;
  return {
    isProven: verification.isProven,
    statements: [
      conclusion,
      `Read: ${lines} lines in ${segments} segments. Signed checkpoints that agree: ${verified} in the ledger, ${outside} from outside.`,
      `Keys that were trusted: ${publicKeys.join(", ")}`,
      ...(notCompared.length > 0
        ? [`Outside checkpoints that could not be compared: ${notCompared.join(", ")}`]
        : []),
      ...(moreFindings > 0 ? [`Findings that are not listed: ${moreFindings}`] : []),
    ],
    findings: findings.map((finding) => ({
      where: placeOf(finding),
      what: `${finding.kind}: ${finding.message}`,
    })),
  };
}

function placeOf({ file, line, seq, lastSeq }: Finding): string {
  const parts = [
    file === undefined ? "" : line === undefined ? file : `${file}, line ${line}`,
    seq === undefined ? "" : lastSeq === undefined ? `seq ${seq}` : `seq ${seq} to ${lastSeq}`,
  ];
  return parts.filter((part) => part !== "").join(": ") || "the ledger";
}
