/** What an audit report says, as data: the one shape that is counted, printed as JSON, and rendered as Markdown and HTML. */

/** Values that lines were counted by, one for each column; null where a line has none. */
export type Names = readonly (string | null)[];

export interface TallyRow {
  readonly names: Names;
  readonly count: number;
  /** First and last of the lines counted in this row. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface TallyReport {
  readonly columns: readonly string[];
  readonly total: number;
  /** The largest, largest first. */
  readonly rows: readonly TallyRow[];
  /** What `total` counts besides the rows: so that nothing is hidden by a short table. */
  readonly remainder: {
    readonly count: number;
    /** How many further names that is; null when there were too many to tell them apart. */
    readonly names: number | null;
  };
  /** 0 when every count is exact; otherwise no name was counted more often than its row says plus this. */
  readonly mayLackUpTo: number;
}

export interface TimeReport {
  readonly unit: "hour" | "day" | "month";
  /** In order of time; units without any decision are left out. */
  readonly rows: readonly {
    /** `2026-11-22T13`, `2026-11-22` or `2026-11`, UTC. */
    readonly from: string;
    readonly allow: number;
    readonly deny: number;
    readonly error: number;
  }[];
}

/** One line of another kind than a decision. */
export interface EventRow {
  readonly seq: number;
  readonly ts: string;
  readonly members: Readonly<Record<string, string>>;
}

export interface EventReport {
  readonly total: number;
  /** The first of them; `total` says how many there were. */
  readonly rows: readonly EventRow[];
}

export interface LinePlace {
  readonly seq: number;
  readonly ts: string;
  readonly hash: string;
}

/** What `ledger verify` says of the whole directory. */
export interface VerificationReport {
  /** Every line is proven, and nothing was found wrong. */
  readonly isProven: boolean;
  /** One sentence each: what is proven, and what is not. */
  readonly statements: readonly string[];
  readonly findings: readonly { readonly where: string; readonly what: string }[];
}

export interface DecisionReport {
  readonly total: number;
  readonly byDecision: TallyReport;
  readonly byStatus: TallyReport;
  readonly byStage: TallyReport;
  readonly byCode: TallyReport;
  readonly byCaller: TallyReport;
  readonly byTenant: TallyReport;
  readonly byModel: TallyReport;
  readonly overTime: TimeReport;
  /** Decisions that did not allow, by stage, code and status. */
  readonly refusals: TallyReport;
  readonly refusalsByCaller: TallyReport;
  /** What shadowed stages would have refused, by stage and code. */
  readonly shadows: TallyReport;
  /** Stages that failed while passing was allowed. */
  readonly broken: TallyReport;
  /** Decisions by the configuration that made them. */
  readonly byConfig: TallyReport;
  /** Calls that were on record before they were made, and whose end is not: counted as allowed, without a status. */
  readonly withoutEnd: number;
  /** Ends other than the decision's: callers that left, streams that broke. By stage, code and status. */
  readonly laterEnds: TallyReport;
  /** Requests that a kill switch answered. */
  readonly killed: number;
}

export interface IntegrityReport {
  /** Line numbers that are missing between two lines of the directory. */
  readonly gaps: EventReport;
  /** Lines that could not be read as what they should be. */
  readonly unreadable: EventReport;
  readonly recoveries: EventReport;
  /** Segments that were begun, by reason. */
  readonly opened: TallyReport;
  /** Starts that found no `close` before them: the writer ended without stopping. */
  readonly uncleanStops: EventReport;
  /** Bytes behind the last acknowledged line, set aside after a failed write. */
  readonly setAside: EventReport;
  /** Lines whose time was held because the clock had gone back. */
  readonly clockBehind: { readonly lines: number; readonly mostUs: number };
  /** Segments deleted by retention. */
  readonly removals: EventReport;
}

export interface Report {
  readonly madeAt: string;
  readonly gateway: string | null;
  readonly period: { readonly since: string | null; readonly until: string | null };
  /** In the period; null when there is none. */
  readonly first: LinePlace | null;
  readonly last: LinePlace | null;
  readonly lines: number;
  readonly byKind: TallyReport;
  readonly verification: VerificationReport | null;
  readonly decisions: DecisionReport;
  readonly breakGlass: EventReport;
  readonly killSwitches: EventReport;
  readonly packs: EventReport;
  readonly reloads: EventReport;
  readonly keys: EventReport;
  readonly integrity: IntegrityReport;
}
