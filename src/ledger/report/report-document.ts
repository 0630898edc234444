/** Tells a report in sections, in the order an auditor asks: is it whole, what happened, who changed what. */
import { value, words, type Block, type Cell } from "./document.ts";
import { integritySections } from "./integrity-sections.ts";
import type { EventReport, Report, TimeReport } from "./report.ts";
import { eventTable, heading, tallySection } from "./report-tables.ts";

/** The whole report. */
export function reportDocument(report: Report): Block[] {
  return [
    { kind: "heading", level: 1, text: "Audit report of a decision ledger" },
    summary(report),
    ...verificationSection(report),
    ...decisionSections(report),
    ...administrationSections(report),
    ...integritySections(report.integrity),
  ];
}

function summary({ gateway, period, first, last, lines, madeAt }: Report): Block {
  const place = (line: Report["first"]): Cell =>
    line ? value(`${line.seq} at ${line.ts}, ${line.hash}`) : words("none in this period");
  return {
    kind: "table",
    columns: ["", ""],
    rows: [
      [words("Gateway"), gateway === null ? words("not named") : value(gateway)],
      [words("From"), period.since === null ? words("the beginning") : value(period.since)],
      [words("Until"), period.until === null ? words("the end") : value(period.until)],
      [words("First line"), place(first)],
      [words("Last line"), place(last)],
      [words("Lines"), lines],
      [words("Report made"), value(madeAt)],
    ],
  };
}

function verificationSection({ verification }: Report): Block[] {
  const title = heading(2, "Verification");
  if (!verification) {
    const text = "The ledger was not verified for this report: nothing below is proven.";
    return [title, { kind: "sentence", text, isWarning: true }];
  }
  const { isProven, statements, findings } = verification;
  const verdict = isProven
    ? "The ledger is proven."
    : "The ledger is not proven: do not rely on what follows before that is explained.";
  return [
    title,
    { kind: "sentence", text: verdict, isWarning: !isProven },
    ...statements.map((text): Block => ({ kind: "sentence", text })),
    ...(findings.length === 0
      ? []
      : [
          {
            kind: "table",
            columns: ["Where", "What"],
            rows: findings.map(({ where, what }) => [value(where), value(what)]),
          } satisfies Block,
        ]),
  ];
}

function decisionSections({ byKind, decisions, killSwitches }: Report): Block[] {
  return [
    heading(2, "Decisions"),
    sentence(`${count(decisions.total, "request")} decided.`),
    ...(decisions.withoutEnd > 0
      ? [
          sentence(
            `${count(decisions.withoutEnd, "call")} was on record before being made, and the end is not: the gateway stopped before, or the end is behind this period.`,
          ),
        ]
      : []),
    ...tallySection("By decision", decisions.byDecision),
    ...timeSection(decisions.overTime),
    ...tallySection("By caller", decisions.byCaller),
    ...tallySection("By tenant", decisions.byTenant),
    ...tallySection("By model and version", decisions.byModel),
    ...tallySection("By stage that decided", decisions.byStage),
    ...tallySection("By code", decisions.byCode),
    ...tallySection("By status", decisions.byStatus),
    ...tallySection("By configuration", decisions.byConfig),
    heading(2, "Refusals and failures"),
    ...tallySection("By reason", decisions.refusals),
    ...tallySection("By caller and code", decisions.refusalsByCaller),
    ...tallySection("Ends other than decided", decisions.laterEnds),
    heading(2, "Shadowed and broken stages"),
    ...tallySection("What shadowed stages would have refused", decisions.shadows),
    ...tallySection("Stages that failed while passing was allowed", decisions.broken),
    heading(2, "Kill switches"),
    sentence(
      `${count(killSwitches.total, "change")} of kill switches; ${count(decisions.killed, "request")} refused by one.`,
    ),
    ...eventTable(killSwitches, []),
    heading(2, "All lines by kind"),
    ...tallySection("By kind", byKind),
  ];
}

function administrationSections({ breakGlass, packs, reloads, keys }: Report): Block[] {
  return [
    ...eventSection("Break-glass uses", breakGlass, []),
    ...eventSection("Policy packs", packs, []),
    ...eventSection("Configuration", reloads, ["result", "trigger", "config", "previous"]),
    ...eventSection("API keys", keys, ["event", "key_id", "owner", "tenant", "at"]),
  ];
}

function eventSection(title: string, events: EventReport, columns: readonly string[]): Block[] {
  return [heading(2, title), ...eventTable(events, columns)];
}

function timeSection({ unit, rows }: TimeReport): Block[] {
  if (rows.length === 0) return [];
  const totals = rows.map(({ allow, deny, error }) => allow + deny + error);
  const most = Math.max(...totals);
  return [
    heading(3, `By ${unit} (UTC)`),
    {
      kind: "table",
      columns: [unit, "allow", "deny", "error", "all"],
      rows: rows.map(({ from, allow, deny, error }, index) => [
        value(from),
        allow,
        deny,
        error,
        { share: (totals[index] ?? 0) / most },
      ]),
    },
  ];
}

const sentence = (text: string): Block => ({ kind: "sentence", text });

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? "" : "s"}`;
