/** A disk that fills up under a running gateway, for real (a small tmpfs): no record, no answer, and it comes back. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { GatewayRecord } from "../support/gateway-record.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/until.ts";

const DISK_BYTES = 512 * 1024;
const PREDICT = "/churn/v2/predict";

const disks: string[] = [];
let gateway: TestGateway | undefined;

const canMount = ((): boolean => {
  try {
    disks.push(mountDisk());
    return true;
  } catch {
    console.warn("SKIPPED: a full disk needs root, to mount a small file system");
    return false;
  }
})();

function mountDisk(): string {
  const disk = mkdtempSync(join(tmpdir(), "portcullis-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk], {
    stdio: "pipe",
  });
  return disk;
}

afterEach(async () => {
  await gateway?.close({ isUnchecked: true });
  gateway = undefined;
  for (const disk of disks.splice(0)) {
    execFileSync("umount", [disk]);
    rmSync(disk, { recursive: true });
  }
});

async function startOnSmallDisk(
  ledger: object,
): Promise<{ running: TestGateway; record: GatewayRecord; fill: string }> {
  const disk = mountDisk();
  disks.push(disk);
  gateway = await startGateway({
    config: { ledger: { directory: join(disk, "ledger"), ...ledger } },
  });
  return {
    running: gateway,
    record: new GatewayRecord(join(disk, "ledger")),
    fill: join(disk, "fill"),
  };
}

/** Takes every free byte of the disk, and the rest of the block that the open segment is in. */
function exhaust(fill: string): void {
  for (let size = DISK_BYTES; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(fill, Buffer.alloc(size), { flag: "a" });
    } catch {
      // Full at this size; smaller pieces may still fit.
    }
  }
}

const predict = (running: TestGateway) =>
  running.call({ path: PREDICT, headers: running.allowed(), body: "{}" });

/** Until the room that the open segment's last block still has is used up. */
async function untilRefused(running: TestGateway): Promise<void> {
  await until("the ledger is refused", async () => (await predict(running)).status === 503, 20_000);
}

describe.skipIf(!canMount)("a full disk", () => {
  test.each(["strict", "group"])(
    "%s: 503, nobody is called, /readyz says why; with room again it goes on",
    { timeout: 60_000 },
    async (durability) => {
      const { running, record, fill } = await startOnSmallDisk({ durability });
      expect((await predict(running)).status).toBe(200);
      exhaust(fill);
      await untilRefused(running);
      const called = running.upstream.received.length;
      for (let i = 0; i < 5; i++) {
        const answer = await predict(running);
        expect(answer.status).toBe(503);
        expect(answer.text).toContain("ledger.unavailable");
        expect(answer.text).not.toContain("ENOSPC");
      }
      expect(running.upstream.received.length).toBe(called);
      expect(await (await fetch(`${running.operatorOrigin}/readyz`)).text()).toContain("ledger");
      rmSync(fill);
      await until("it writes again", async () => (await predict(running)).status === 200, 20_000);
      await expectWhole(running, record);
      await record.verify();
      expect(record.text()).toContain('"cause":"write_failed"');
    },
  );

  test("strict: of what was answered 503 for want of a record, the upstream saw nothing", async () => {
    const { running, fill } = await startOnSmallDisk({ durability: "strict" });
    await predict(running);
    exhaust(fill);
    await untilRefused(running);
    const lines = running.logLines().filter(({ code }) => code === "ledger.unavailable");
    await until("the refusals are logged", () => running.logLines().length > lines.length);
    const answered = running.logLines().filter(({ code }) => code === "ok").length;
    // The one that filled the disk may have been called: its beginning was on record, its end was not.
    expect(running.upstream.received.length - answered).toBeLessThanOrEqual(1);
  });

  test("degrade: requests go on, what is lost is counted and goes on record later", async () => {
    const { running, record, fill } = await startOnSmallDisk({ onFailure: "degrade" });
    await predict(running);
    exhaust(fill);
    await until("a line is lost", async () => {
      expect((await predict(running)).status).toBe(200);
      return (await running.metric("portcullis_ledger_lines_lost_total")) > 3;
    });
    rmSync(fill);
    await until(
      "the loss is on record",
      async () => {
        await predict(running);
        return record.lines().some(({ lost }) => (lost as number) > 3);
      },
      20_000,
    );
    await record.verify();
  });
});

/** Every 200 the caller saw is on record. */
async function expectWhole(running: TestGateway, record: GatewayRecord): Promise<void> {
  const recorded = new Set(record.lines().map((line) => line.request_id));
  await until("the log is written", () => running.logLines().some(({ code }) => code === "ok"));
  for (const line of running.logLines())
    if (line["code"] === "ok") expect(recorded).toContain(line["request_id"]);
}
