/** Lint against plain counting: what it says can never be, never is; what it says can be, is shown by a request. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compilePack, type PackTrace } from "../evaluate/evaluator.ts";
import { packContext, type FieldValues } from "../fields.ts";
import type { Output } from "../pack.ts";
import type { PackExample } from "./example.ts";
import { lintPack, type LintFinding } from "./lint.ts";
import {
  everyRequest,
  isLeftOpen,
  smallPacks,
  type Asked,
  type SmallPack,
} from "./small-packs.test-support.ts";

const RUNS = 8000;

interface Row extends Asked {
  readonly said: PackTrace;
}

function everyRow(small: SmallPack): Row[] {
  const evaluator = compilePack(small.pack);
  return everyRequest(small, (context, nowSeconds) => evaluator.trace(context, nowSeconds));
}

const valuesOf = ({ context }: PackExample): FieldValues =>
  Object.fromEntries(
    Object.entries(context).map(([name, value]) => [
      name,
      Array.isArray(value) ? new Set(value as string[]) : value,
    ]),
  ) as FieldValues;

function tried(small: SmallPack, example: PackExample): Row {
  const values = valuesOf(example);
  const nowSeconds = example.nowSeconds ?? 0;
  const said = compilePack(small.pack).trace(packContext(values), nowSeconds);
  expect(said.decision.output).toBe(example.output);
  return { values, nowSeconds, said };
}

const fires = ({ said }: Row, id: string): boolean =>
  said.outputs.some((output) => output.id === id && output.fires);

/** The same words as no-identity.ts, said again for values instead of diagrams. */
function isNobody({ values }: Row): boolean {
  const method = values["context.auth.method"];
  return (
    values["context.user.id"] === undefined &&
    values["context.client_id"] === undefined &&
    (values["context.user.groups"]?.size ?? 0) === 0 &&
    (values["context.scopes"]?.size ?? 0) === 0 &&
    (method === undefined || method === "anonymous") &&
    values["context.mtls.verified"] !== true &&
    values["context.webhook.verified"] !== true &&
    values["context.legacy_jwt.valid"] !== true
  );
}

const hasNoTrueBit =
  (findings: readonly LintFinding[]) =>
  ({ said }: Row): boolean =>
    said.bits.every(
      ({ id, value }) =>
        value !== "true" ||
        findings.some(({ code, subject }) => code === "lint.unused_bit" && subject === id),
    );

/** Nobody gets in by an output that is dead for itself, or behind denies. */
const hasNothingToShow = ({ severity, message }: LintFinding): boolean =>
  severity === "notice" || message.includes("never fire");

interface Checked {
  readonly small: SmallPack;
  readonly rows: readonly Row[];
  readonly findings: readonly LintFinding[];
}

function checkOutput(output: Output, { small, rows, findings }: Checked): void {
  const decided = rows.filter(({ said }) => said.decision.output === output.id);
  const found = (code: LintFinding["code"]): LintFinding | undefined =>
    findings.find((finding) => finding.code === code && finding.subject === output.id);
  const shownBy = (code: LintFinding["code"], isShown: (row: Row) => boolean): void => {
    const finding = found(code);
    if (!finding) return;
    if (finding.example) expect(isShown(tried(small, finding.example)), code).toBe(true);
    else expect(isLeftOpen(small.text) || hasNothingToShow(finding), code).toBe(true);
  };

  if (found("lint.dead_output")) expect(decided).toEqual([]);
  shownBy("lint.dead_output", (row) => fires(row, output.id));
  const decides = ({ said }: Row): boolean => said.decision.output === output.id;
  if (output.effect === "allow") {
    shownBy("lint.open_allow", (row) => decides(row) && isNobody(row));
    if (!found("lint.open_allow")) expect(decided.filter(isNobody)).toEqual([]);
    shownBy("lint.unconditional_allow", decides);
    if (!found("lint.unconditional_allow"))
      expect(decided.filter(hasNoTrueBit(findings))).toEqual([]);
    return;
  }
  const isHidden = (row: Row): boolean =>
    fires(row, output.id) && row.said.decision.effect === "allow";
  const isBefore = (row: Row): boolean =>
    small.pack.outputs.findIndex(({ id }) => id === row.said.decision.output) <
    small.pack.outputs.indexOf(output);
  shownBy("lint.hidden_deny", isHidden);
  if (!found("lint.hidden_deny") && found("lint.dead_output")?.severity !== "grave")
    expect(rows.filter((row) => isHidden(row) && isBefore(row))).toEqual([]);
}

test("what it claims of outputs agrees with every request", () => {
  fc.assert(
    fc.property(smallPacks, (small) => {
      const findings = lintPack(small.pack);
      expect(findings.map(({ code }) => code)).not.toContain("lint.not_proven");
      const rows = everyRow(small);
      for (const output of small.pack.outputs) checkOutput(output, { small, rows, findings });
    }),
    { numRuns: RUNS },
  );
});

test("what it claims of bits and wires agrees with every request", () => {
  fc.assert(
    fc.property(smallPacks, (small) => {
      const constant = lintPack(small.pack).filter(
        ({ code }) => code === "lint.tautology" || code === "lint.contradiction",
      );
      const rows = constant.length === 0 ? [] : everyRow(small);
      for (const { code, subject } of constant) {
        const values = rows.map(
          ({ said }) => [...said.bits, ...said.wires].find(({ id }) => id === subject)?.value,
        );
        if (code === "lint.tautology") expect(new Set(values)).toEqual(new Set(["true"]));
        if (code === "lint.contradiction") expect(values).not.toContain("true");
      }
    }),
    { numRuns: RUNS },
  );
});
