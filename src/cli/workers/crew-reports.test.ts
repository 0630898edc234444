/** What is told of workers together: who is not ready and why, and counters that outlive those who counted. */
import { expect, onTestFinished, test } from "vitest";
import { CrewReports } from "./crew-reports.ts";
import type { Crew, CrewMember } from "./crew.ts";
import type { WorkerReport } from "./messages.ts";

interface FakeWorker {
  report: Partial<WorkerReport> | Error;
  isReady?: boolean;
}

const counted = (count: number): string =>
  `# HELP a_total A.\n# TYPE a_total counter\na_total ${count}\n`;

function reportsOf(workers: FakeWorker[]) {
  const clock = { ms: 0 };
  const members = workers.map((worker, i) => ({
    seat: { number: i + 1, count: workers.length },
    link: {
      get isReady() {
        return worker.isReady ?? true;
      },
      ask: async () => {
        if (worker.report instanceof Error) throw worker.report;
        return { notReady: [], degraded: [], digest: "b3:1", metrics: "", ...worker.report };
      },
    },
  }));
  const crew = {
    members,
    get ready() {
      return members.filter(({ link }) => link.isReady);
    },
  } as unknown as Crew;
  const reports = new CrewReports({
    crew,
    own: () => "# HELP own O.\n# TYPE own gauge\nown 1\n",
    monotonicMs: () => clock.ms,
  });
  onTestFinished(() => reports.close());
  return { reports, clock, members: members as unknown as CrewMember[] };
}

test("ready when all are", async () => {
  const { reports } = reportsOf([{ report: {} }, { report: {} }]);
  expect(await reports.notReady()).toEqual([]);
});

test("what is not ready has its worker's name", async () => {
  const { reports } = reportsOf([
    { report: { notReady: ["ledger"], degraded: ["store"] } },
    { report: {}, isReady: false },
    { report: new Error("silent") },
    { report: { degraded: ["store"] } },
  ]);
  expect(await reports.notReady()).toEqual([
    "worker 1: ledger",
    "worker 2: starting",
    "worker 3: does not answer",
  ]);
  expect(reports.degraded()).toEqual(["worker 1: store", "worker 4: store"]);
});

test("configurations may differ while a reload is under way, and not for longer", async () => {
  const workers: FakeWorker[] = [{ report: { digest: "b3:1" } }, { report: { digest: "b3:2" } }];
  const { reports, clock } = reportsOf(workers);
  expect(await reports.notReady()).toEqual([]);
  clock.ms = 9_999;
  expect(await reports.notReady()).toEqual([]);
  clock.ms = 10_000;
  expect(await reports.notReady()).toEqual(["workers serve different configurations"]);
  Object.assign(workers[1] as FakeWorker, { report: { digest: "b3:1" } });
  expect(await reports.notReady()).toEqual([]);
});

test("a worker that is silent counts with what it last said, and one that ended for good", async () => {
  const workers: FakeWorker[] = [
    { report: { metrics: counted(3) } },
    { report: { metrics: counted(4) } },
  ];
  const { reports, members } = reportsOf(workers);
  const total = async (): Promise<string | undefined> =>
    /^a_total (?<count>\d+)$/m.exec(await reports.metrics())?.groups?.["count"];
  expect(await total()).toBe("7");
  (workers[1] as FakeWorker).report = new Error("silent");
  expect(await total()).toBe("7");
  Object.assign(workers[1] as FakeWorker, { isReady: false });
  reports.ended(members[1] as CrewMember);
  expect(await total()).toBe("7");
  Object.assign(workers[1] as FakeWorker, { isReady: true, report: { metrics: counted(1) } });
  expect(await total()).toBe("8");
  reports.ended(members[1] as CrewMember, counted(2));
  Object.assign(workers[1] as FakeWorker, { isReady: false });
  expect(await total()).toBe("9");
  expect(await reports.metrics()).toContain("own 1");
});
