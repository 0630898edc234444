/**
 * Counts decisions and how they ended. A decision that was recorded before its call (`durability: strict`) is counted
 * with the end that an `outcome` line gives it later, and never twice.
 */
import type { LedgerLine } from "../line.ts";
import { listOf, membersOf, textOf } from "./line-members.ts";
import type { DecisionReport } from "./report.ts";
import { Tally } from "./tally.ts";
import { TimeTable } from "./time-table.ts";

/**
 * Decisions that wait for their end, some 500 bytes each: as many as a gateway has calls under way, which it bounds.
 * Beyond that (a ledger of many crashes) the oldest are counted as without an end.
 */
const WAITING_LIMIT = 100_000;

/** The stage that answers for a model that was switched off. */
const KILL_SWITCH = "kill-switch";

type Line = Pick<LedgerLine, "seq" | "ts" | "value">;

/** What of a decision is needed when its end comes. */
interface Asked {
  readonly seq: number;
  readonly ts: string;
  readonly caller: string | null;
  readonly tenant: string | null;
  readonly model: string | null;
  readonly version: string | null;
  readonly config: string | null;
}

interface End {
  readonly decision: string | null;
  readonly status: string | null;
  readonly stage: string | null;
  readonly code: string | null;
}

export class DecisionCounts {
  readonly #byDecision = new Tally(["decision"]);
  readonly #byStatus = new Tally(["status"]);
  readonly #byStage = new Tally(["stage"]);
  readonly #byCode = new Tally(["code"]);
  readonly #byCaller = new Tally(["caller"]);
  readonly #byTenant = new Tally(["tenant"]);
  readonly #byModel = new Tally(["model", "version"]);
  readonly #byConfig = new Tally(["configuration"]);
  readonly #refusals = new Tally(["decision", "stage", "code", "status"]);
  readonly #refusalsByCaller = new Tally(["caller", "code"]);
  readonly #shadows = new Tally(["stage", "code"]);
  readonly #broken = new Tally(["stage"]);
  readonly #laterEnds = new Tally(["stage", "code", "status"]);
  readonly #overTime = new TimeTable();
  readonly #waiting = new Map<string, Asked>();
  #total = 0;
  #withoutEnd = 0;
  #killed = 0;

  decision({ seq, ts, value }: Line): void {
    const who = membersOf(value["who"]);
    const asked: Asked = {
      seq,
      ts,
      caller: textOf(who["caller"]),
      tenant: textOf(who["tenant"]),
      model: textOf(value["model"]),
      version: textOf(value["version"]),
      config: textOf(value["config"]),
    };
    const requestId = textOf(value["request_id"]);
    if (textOf(value["status"]) === null && requestId !== null) this.#wait(requestId, asked);
    else this.#count(asked, value);
  }

  outcome({ seq, value }: Line): void {
    const requestId = textOf(value["of"]) ?? "";
    const asked = this.#waiting.get(requestId);
    if (asked) {
      this.#waiting.delete(requestId);
      this.#count(asked, value);
      return;
    }
    const { stage, code, status } = endOf(value);
    this.#laterEnds.add(seq, stage, code, status);
  }

  report(top: number): DecisionReport {
    for (const asked of this.#waiting.values()) this.#countWithoutEnd(asked);
    this.#waiting.clear();
    return {
      total: this.#total,
      byDecision: this.#byDecision.report(top),
      byStatus: this.#byStatus.report(top),
      byStage: this.#byStage.report(top),
      byCode: this.#byCode.report(top),
      byCaller: this.#byCaller.report(top),
      byTenant: this.#byTenant.report(top),
      byModel: this.#byModel.report(top),
      overTime: this.#overTime.report(),
      refusals: this.#refusals.report(top),
      refusalsByCaller: this.#refusalsByCaller.report(top),
      shadows: this.#shadows.report(top),
      broken: this.#broken.report(top),
      byConfig: this.#byConfig.report(top),
      withoutEnd: this.#withoutEnd,
      laterEnds: this.#laterEnds.report(top),
      killed: this.#killed,
    };
  }

  #wait(requestId: string, asked: Asked): void {
    if (this.#waiting.size >= WAITING_LIMIT) {
      const [oldest] = this.#waiting;
      if (oldest) {
        this.#waiting.delete(oldest[0]);
        this.#countWithoutEnd(oldest[1]);
      }
    }
    // The same id twice would be the writer's mistake; then the first is counted as it stands.
    const earlier = this.#waiting.get(requestId);
    if (earlier) this.#countWithoutEnd(earlier);
    this.#waiting.set(requestId, asked);
  }

  #countWithoutEnd(asked: Asked): void {
    this.#withoutEnd += 1;
    this.#count(asked, { decision: "allow" });
  }

  #count(asked: Asked, ended: Readonly<Record<string, unknown>>): void {
    const { seq, ts, caller } = asked;
    const { decision, status, stage, code } = endOf(ended);
    this.#total += 1;
    this.#byDecision.add(seq, decision);
    this.#byStatus.add(seq, status);
    this.#byStage.add(seq, stage);
    this.#byCode.add(seq, code);
    this.#byCaller.add(seq, caller);
    this.#byTenant.add(seq, asked.tenant);
    this.#byModel.add(seq, asked.model, asked.version);
    this.#byConfig.add(seq, asked.config);
    if (stage === KILL_SWITCH) this.#killed += 1;
    if (decision !== "allow") {
      this.#refusals.add(seq, decision, stage, code, status);
      this.#refusalsByCaller.add(seq, caller, code);
    }
    this.#overTime.add(ts, decision === "allow" || decision === "deny" ? decision : "error");
    this.#countStages(seq, ended);
  }

  #countStages(seq: number, { shadows, broken }: Readonly<Record<string, unknown>>): void {
    for (const each of listOf(shadows)) {
      const { stage, code } = membersOf(each);
      this.#shadows.add(seq, textOf(stage), textOf(code));
    }
    for (const each of listOf(broken))
      this.#broken.add(seq, textOf(each) ?? textOf(membersOf(each)["stage"]));
  }
}

function endOf(value: Readonly<Record<string, unknown>>): End {
  return {
    decision: textOf(value["decision"]),
    status: textOf(value["status"]),
    stage: textOf(value["stage"]),
    code: textOf(value["code"]),
  };
}
