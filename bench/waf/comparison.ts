/** Both engines over the same new requests, round after round, and whether they say the same of them. */
import type { RuleSet } from "../../src/seclang/index.ts";
import type { Libmodsecurity, Measured } from "./libmodsecurity.ts";
import { matchOurs, measureOurs, policiesOf } from "./ours.ts";
import { makeRequests, type Case } from "./requests.ts";

export interface Workload {
  readonly label: string;
  readonly kind: Case;
  readonly policy: "plain" | "prompts";
  /** Requests in a round: ours, and libmodsecurity's, which takes a hundred times as long. */
  readonly counts: readonly [ours: number, theirs: number];
  /** What is asked of our median, microseconds. */
  readonly goalUs: { readonly crs: number; readonly builtin?: number };
}

export const WORKLOADS: readonly Workload[] = [
  {
    label: "600-byte JSON, 20 fields",
    kind: "json",
    policy: "plain",
    counts: [400, 24],
    goalUs: { crs: 60, builtin: 25 },
  },
  {
    label: "GET, 4 arguments",
    kind: "get",
    policy: "plain",
    counts: [1_000, 40],
    goalUs: { crs: 15 },
  },
  {
    label: "8 KB of prose in a field",
    kind: "prose",
    policy: "plain",
    counts: [60, 8],
    goalUs: { crs: 600 },
  },
  {
    label: "8 KB of prose in a prompt",
    kind: "prose",
    policy: "prompts",
    counts: [60, 8],
    goalUs: { crs: 200 },
  },
];

/** Rounds of ours alone before anything counts: until V8 has compiled what is hot. */
const WARM_UP_ROUNDS = 6;
/** Requests of each workload whose outcomes are compared. */
const COMPARED = 60;
/** Keeps the requests of warming up and comparing apart from those that count. */
const UNCOUNTED_SEED = 1_000_000;

export interface Subject {
  readonly rules: string;
  readonly ours: RuleSet;
  /** Absent where it cannot be built, and for rules that it does not understand. */
  readonly theirs?: Libmodsecurity;
}

export interface Row {
  readonly rules: string;
  readonly workload: Workload;
  /** One for each round. */
  readonly ours: Measured[];
  readonly theirs: Measured[];
  /** Of `COMPARED` requests, how many both refuse or both pass; undefined without a yardstick. */
  sameVerdicts?: number;
}

export async function compare(
  subjects: readonly Subject[],
  rounds: number,
  betweenRounds: () => Promise<void>,
): Promise<Row[]> {
  const cells = subjects.flatMap((subject) => {
    const policies = policiesOf(subject.ours);
    return WORKLOADS.map((workload) => {
      const row: Row = { rules: subject.rules, workload, ours: [], theirs: [] };
      return { ...subject, policy: policies[workload.policy], workload, row };
    });
  });
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
    for (const { policy, workload } of cells)
      await measureOurs(
        policy,
        makeRequests(workload.kind, workload.counts[0], UNCOUNTED_SEED + round),
      );
  }
  for (const cell of cells) {
    if (cell.theirs) cell.row.sameVerdicts = await countSame(cell.theirs, cell);
  }
  for (let round = 0; round < rounds; round += 1) {
    await betweenRounds();
    for (const { policy, workload, theirs, row } of round % 2 ? cells : cells.toReversed()) {
      const [ourCount, theirCount] = workload.counts;
      const requests = makeRequests(workload.kind, ourCount, round + 1);
      row.ours.push(await measureOurs(policy, requests));
      if (theirs) row.theirs.push(await theirs.measure(requests.slice(0, theirCount)));
    }
  }
  return cells.map(({ row }) => row);
}

async function countSame(
  theirs: Libmodsecurity,
  { policy, workload }: { policy: Parameters<typeof matchOurs>[0]; workload: Workload },
): Promise<number> {
  const requests = makeRequests(workload.kind, COMPARED, UNCOUNTED_SEED - 1);
  const [left, right] = [await matchOurs(policy, requests), await theirs.match(requests)];
  const same = left.filter(({ status }, at) => (status === 0) === (right[at]?.status === 0));
  return same.length / COMPARED;
}
