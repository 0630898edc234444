import { describe, expect, test } from "vitest";
import { contextOf } from "../../../test/support/context.ts";
import type { Resolution } from "../../pipeline/journal.ts";
import { DecisionLines } from "./decision-line.ts";
import { LedgerJournal, type JournalOptions } from "./ledger-journal.ts";

const LINES = new DecisionLines({
  config: "b3:0",
  isHashed: false,
  isCommitted: false,
  addresses: "none",
  salts: {
    saltOf: () => {
      throw new Error("not asked");
    },
  },
});

/** A disk that fails so many times, and then takes what it is given. */
function journalOver(failures: number, options: Partial<JournalOptions> = {}) {
  const lines: string[] = [];
  let left = failures;
  let lost = 0;
  const journal = new LedgerJournal({
    ledger: {
      state: "writing",
      append: async (members) => {
        if (left-- > 0) throw new Error("disk full");
        return lines.push(members);
      },
      post: (members) => lines.push(members) > 0,
    },
    lines: LINES,
    durability: "strict",
    onFailure: "deny",
    onLost: () => lost++,
    ...options,
  });
  const kinds = (): unknown[] =>
    lines.map((members) => (JSON.parse(`{${members}}`) as { kind: string }).kind);
  return { journal, kinds, lost: () => lost };
}

const context = contextOf();
const RESOLUTION: Resolution = {
  context,
  decision: "allow",
  status: 200,
  stage: "upstream",
  code: "ok",
  latencyMs: 1,
  upstreamMs: 1,
  shadows: [],
  broken: [],
  body: undefined,
};

describe("strict", () => {
  test("a call that is on record gets an outcome behind it", async () => {
    const { journal, kinds } = journalOver(0);
    await journal.beforeForward(context);
    await journal.beforeAnswer(RESOLUTION);
    expect(kinds()).toEqual(["decision", "outcome"]);
  });

  test("a call that could not be put on record gets a decision, not an outcome of nothing", async () => {
    const { journal, kinds } = journalOver(1);
    await expect(journal.beforeForward(context)).rejects.toMatchObject({
      code: "ledger.unavailable",
    });
    await journal.beforeAnswer({ ...RESOLUTION, code: "ledger.unavailable", status: 503 });
    expect(kinds()).toEqual(["decision"]);
  });

  test("degraded: the call goes on, is counted as lost, and its end is a decision", async () => {
    const { journal, kinds, lost } = journalOver(1, { onFailure: "degrade" });
    await journal.beforeForward(context);
    await journal.beforeAnswer(RESOLUTION);
    expect([kinds(), lost()]).toEqual([["decision"], 1]);
  });
});
