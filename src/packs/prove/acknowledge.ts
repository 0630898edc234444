/** Which grave findings stand in the way of a pack, given those that the operator has acknowledged by name. */
import { nameOfFinding, type LintFinding } from "./lint-finding.ts";

/**
 * The grave findings that are not acknowledged; none means that the pack may become active. An acknowledgement of something
 * that is not found, or not grave, stands in the way too: left alone it would one day acknowledge what nobody has looked at.
 */
export function graveFindings(
  findings: readonly LintFinding[],
  acknowledged: readonly string[],
): LintFinding[] {
  const grave = findings.filter(({ severity }) => severity === "grave");
  const names = new Set(grave.map(nameOfFinding));
  const taken = new Set(acknowledged);
  return [
    ...grave.filter((finding) => !taken.has(nameOfFinding(finding))),
    ...[...taken].filter((name) => !names.has(name)).map(unknownAcknowledgement),
  ];
}

function unknownAcknowledgement(name: string): LintFinding {
  return {
    code: "lint.unknown_acknowledgement",
    subject: name,
    severity: "grave",
    message: `"${name}" is acknowledged, but lint finds nothing grave of that name: remove the acknowledgement`,
    line: 0,
  };
}
