/**
 * Proves of a pack what its author may not have meant: whom it lets in, what it no longer keeps out, what in it decides nothing.
 * "Never" is proven for every request; "some request" is shown with one that was tried. What cannot be proven within the budget
 * is a grave finding, never silence.
 */
import type { PackEvaluator } from "../evaluate/evaluator.ts";
import type { Pack } from "../pack.ts";
import { BudgetExceeded } from "./diagram.ts";
import type { LintFinding } from "./lint-finding.ts";
import { OutputLint } from "./lint-outputs.ts";
import { constantPart, unusedParts } from "./lint-parts.ts";
import { PackProof } from "./pack-proof.ts";
import { partsInUse } from "./reachable-parts.ts";

export type { LintFinding } from "./lint-finding.ts";

interface Subject {
  readonly id: string;
  readonly line: number;
}

/** Grave ones first, then in the file's order. With the pack's evaluator, if there is one, it need not make its own. */
export function lintPack(pack: Pack, evaluator?: PackEvaluator): readonly LintFinding[] {
  const findings: LintFinding[] = unusedParts(pack);
  // What is at work when the budget is used up.
  let at: Subject = pack.outputs[0] ?? { id: "pack", line: 1 };
  try {
    const proof = new PackProof(pack, evaluator);
    for (const part of subjectsOf(pack)) {
      at = part;
      proof.of.where(part.id, true);
    }
    const outputs = new OutputLint(proof);
    for (const [place, output] of pack.outputs.entries()) {
      at = output;
      findings.push(...outputs.findingsOf(place, output));
    }
    for (const part of subjectsOf(pack)) findings.push(...constantPart(proof, part.id, part.line));
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    findings.push(notProven(at));
  }
  const weight = ({ severity }: LintFinding): number => Number(severity === "notice");
  return findings.sort((a, b) => weight(a) - weight(b) || a.line - b.line);
}

/** Bits first: each wire then finds its members worked out. */
function subjectsOf(pack: Pack): Subject[] {
  const { bits, wires } = partsInUse(pack);
  return [
    ...pack.bits.filter(({ id }) => bits.has(id)),
    ...pack.wires.filter(({ id }) => wires.has(id)),
  ];
}

function notProven({ id, line }: Subject): LintFinding {
  return {
    code: "lint.not_proven",
    subject: id,
    severity: "grave",
    message: `the rules are too involved to be proven: the budget was used up at ${id}, and what is not told here is not known`,
    line,
  };
}
