/** The two tables every section is made of: counts of names, and lines of one sort. */
import { value, words, type Block, type Cell } from "./document.ts";
import type { EventReport, TallyReport } from "./report.ts";

export const heading = (level: 2 | 3, text: string): Block => ({ kind: "heading", level, text });

/** Rows, what the rows leave out, and how exact they are. */
export function tallySection(title: string, tally: TallyReport): Block[] {
  const { columns, total, rows, remainder, mayLackUpTo } = tally;
  if (total === 0) return [heading(3, title), { kind: "sentence", text: "None." }];
  const cells = rows.map(({ names, count, firstSeq, lastSeq }): Cell[] => [
    ...names.map((name) => (name === null ? words("(none)") : value(name))),
    count,
    firstSeq,
    lastSeq,
  ]);
  if (remainder.count > 0) {
    const further = remainder.names === null ? "others" : `${remainder.names} others`;
    const blank = columns.slice(1).map(() => words(""));
    cells.push([words(further), ...blank, remainder.count, words(""), words("")]);
  }
  return [
    heading(3, title),
    { kind: "table", columns: [...columns, "count", "first line", "last line"], rows: cells },
    ...(mayLackUpTo > 0
      ? [
          {
            kind: "sentence",
            text: `Too many names to tell all apart: each count may lack up to ${mayLackUpTo}, which the last row then counts.`,
          } satisfies Block,
        ]
      : []),
  ];
}

/** The columns named, then all other members in one; without names, all members in one. */
export function eventTable(events: EventReport, columns: readonly string[]): Block[] {
  const { total, rows } = events;
  if (total === 0) return [{ kind: "sentence", text: "None." }];
  const hasRest = rows.some(({ members }) =>
    Object.keys(members).some((name) => !columns.includes(name)),
  );
  const cells = rows.map(({ seq, ts, members }): Cell[] => [
    seq < 0 ? words("before the first") : seq,
    ts === "" ? words("") : value(ts),
    ...columns.map((name) => {
      const text = members[name];
      return text === undefined ? words("") : value(text);
    }),
    ...(hasRest ? [restOf(members, columns)] : []),
  ]);
  return [
    {
      kind: "table",
      columns: ["line", "time", ...columns, ...(hasRest ? ["what"] : [])],
      rows: cells,
    },
    ...(total > rows.length
      ? [
          {
            kind: "sentence",
            text: `${total - rows.length} more are in the ledger: portcullis ledger show lists them.`,
          } satisfies Block,
        ]
      : []),
  ];
}

function restOf(members: Readonly<Record<string, string>>, columns: readonly string[]): Cell {
  const rest = Object.entries(members).filter(([name]) => !columns.includes(name));
  return rest.length === 0
    ? words("")
    : value(rest.map(([name, text]) => `${name}=${text}`).join(" "));
}
