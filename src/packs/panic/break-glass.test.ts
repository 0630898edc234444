/** Break-glass on real state files, with clocks that go where a test sends them. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { generateKeyPairSync, sign } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { keyId } from "../sign/keys.ts";
import { approvalText, type Approval } from "./approval.ts";
import { BreakGlass, DEFAULT_PANIC_TTL_MAX_SEC, type BreakGlassOptions } from "./break-glass.ts";
import type { BreakGlassEvent } from "./break-glass-event.ts";
import type { BreakGlassOrder } from "./break-glass-order.ts";

const NOON = Date.UTC(2026, 10, 22, 12);

let folder: string;
let stateFile: string;
let events: BreakGlassEvent[];
let wallMs: number;
let monotonicMs: number;
let uptimeSec: number;
const opened: BreakGlass[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portcullis-panic-"));
  stateFile = join(folder, "breakglass.json");
  events = [];
  wallMs = NOON;
  monotonicMs = 1_000;
  uptimeSec = 5_000;
});

afterEach(async () => {
  for (const breakGlass of opened.splice(0)) await breakGlass.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = async (over: Partial<BreakGlassOptions> = {}): Promise<BreakGlass> => {
  const breakGlass = await BreakGlass.open({
    stateFile,
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    uptimeSec: () => uptimeSec,
    onEvent: (event) => events.push(event),
    ...over,
  });
  opened.push(breakGlass);
  return breakGlass;
};

/** All clocks, by as much. */
const pass = (seconds: number): void => {
  wallMs += seconds * 1_000;
  monotonicMs += seconds * 1_000;
  uptimeSec += seconds;
};

const kinds = (): string[] => events.map(({ kind }) => kind);
const lastEvent = (): BreakGlassEvent | undefined => events.at(-1);
const ORDER: BreakGlassOrder = { ttlSec: 60, reason: "identity provider is down" };

describe("while it is on", () => {
  test("it is off until it is started, and on until its time is over", async () => {
    const breakGlass = await open();
    expect(breakGlass.isActive()).toBe(false);
    expect(breakGlass.state).toBeUndefined();
    const state = await breakGlass.start({ ...ORDER, by: "ana" });
    expect(state).toEqual({
      source: "operator",
      startedMs: NOON,
      untilMs: NOON + 60_000,
      reason: ORDER.reason,
      by: "ana",
    });
    pass(59.999);
    expect(breakGlass.isActive()).toBe(true);
    expect(breakGlass.state).toEqual(state);
    pass(0.001);
    expect(breakGlass.isActive()).toBe(false);
    expect(events).toEqual([
      { kind: "started", state },
      { kind: "ended", state, cause: "expired", total: 0 },
    ]);
  });

  test("a wall clock that goes back does not extend it", async () => {
    const breakGlass = await open();
    await breakGlass.start(ORDER);
    pass(30);
    wallMs -= 3_600_000;
    expect(breakGlass.isActive()).toBe(true);
    monotonicMs += 30_000;
    expect(breakGlass.isActive()).toBe(false);
  });

  test("a monotonic clock that slept does not extend it", async () => {
    const breakGlass = await open();
    await breakGlass.start(ORDER);
    wallMs += 60_000;
    expect(breakGlass.isActive()).toBe(false);
  });

  test("once over it stays over, wherever the clock goes", async () => {
    const breakGlass = await open();
    await breakGlass.start(ORDER);
    wallMs += 60_000;
    expect(breakGlass.isActive()).toBe(false);
    wallMs -= 60_000;
    expect(breakGlass.isActive()).toBe(false);
    expect(kinds()).toEqual(["started", "ended"]);
  });

  test("the end is told by a timer, without a request", async () => {
    const breakGlass = await open({
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
    });
    await breakGlass.start({ ...ORDER, ttlSec: 1 });
    await until("the end is told", () => kinds().includes("ended"), 20_000);
    expect(lastEvent()).toMatchObject({ kind: "ended", cause: "expired" });
  });

  test("another start takes its place, with a record of both", async () => {
    const breakGlass = await open();
    const first = await breakGlass.start(ORDER);
    breakGlass.used();
    pass(10);
    const second = await breakGlass.start({ ttlSec: 120, reason: "still down" });
    expect(events.slice(2)).toEqual([
      { kind: "ended", state: first, cause: "replaced", total: 1 },
      { kind: "started", state: second },
    ]);
    pass(119);
    expect(breakGlass.isActive()).toBe(true);
    pass(1);
    expect(breakGlass.isActive()).toBe(false);
  });

  test("the end of one while another starts does not switch that off on disk", async () => {
    const breakGlass = await open();
    await breakGlass.start(ORDER);
    const starting = breakGlass.start({ ttlSec: 900, reason: "again" });
    // Under way, and not durable yet.
    await Promise.resolve();
    pass(60);
    expect(breakGlass.isActive()).toBe(false);
    await starting;
    await breakGlass.close();
    expect((await open()).state?.reason).toBe("again");
  });

  test("clearing ends it at once, and on disk", async () => {
    const breakGlass = await open();
    const state = await breakGlass.start(ORDER);
    const clearing = breakGlass.clear();
    expect(breakGlass.isActive()).toBe(false);
    expect(await clearing).toBe(true);
    expect(lastEvent()).toEqual({ kind: "ended", state, cause: "cleared", total: 0 });
    expect(await breakGlass.clear()).toBe(false);
    expect((await open()).isActive()).toBe(false);
  });

  test("clearing also ends a start that was under way", async () => {
    const breakGlass = await open();
    const starting = breakGlass.start(ORDER);
    expect(await breakGlass.clear()).toBe(true);
    await starting;
    expect(breakGlass.isActive()).toBe(false);
    expect((await open()).isActive()).toBe(false);
  });
});

describe("uses", () => {
  test("each is counted; an event sums them up at most once a second", async () => {
    const breakGlass = await open();
    const state = await breakGlass.start(ORDER);
    for (let use = 0; use < 5; use += 1) expect(breakGlass.used()).toBe(state);
    pass(1);
    breakGlass.used();
    pass(59);
    breakGlass.isActive();
    expect(events.slice(1)).toEqual([
      { kind: "used", state, uses: 1, total: 1 },
      { kind: "used", state, uses: 5, total: 6 },
      { kind: "ended", state, cause: "expired", total: 6 },
    ]);
  });

  test("there is none when it is off", async () => {
    const breakGlass = await open();
    expect(breakGlass.used()).toBeUndefined();
    expect(events).toEqual([]);
  });
});

describe("what is refused", () => {
  const orders: [string, Partial<BreakGlassOrder>, string][] = [
    ["no time", { ttlSec: 0 }, "breakglass.bad_ttl"],
    ["a negative time", { ttlSec: -1 }, "breakglass.bad_ttl"],
    ["half a second", { ttlSec: 1.5 }, "breakglass.bad_ttl"],
    ["a second above the cap", { ttlSec: DEFAULT_PANIC_TTL_MAX_SEC + 1 }, "breakglass.bad_ttl"],
    ["no number", { ttlSec: Number.NaN }, "breakglass.bad_ttl"],
    ["a text for a number", { ttlSec: "60" as unknown as number }, "breakglass.bad_ttl"],
    ["no reason", { reason: "" }, "breakglass.bad_reason"],
    ["a blank reason", { reason: "   " }, "breakglass.bad_reason"],
    ["a reason of two lines", { reason: "a\nb" }, "breakglass.bad_reason"],
    ["a reason with an escape", { reason: "a\u001B[2Jb" }, "breakglass.bad_reason"],
    ["a reason that reads backwards", { reason: "a\u202Eb" }, "breakglass.bad_reason"],
    ["a reason of half a character", { reason: "a\uD800" }, "breakglass.bad_reason"],
    ["a long reason", { reason: "a".repeat(501) }, "breakglass.bad_reason"],
    ["a name of two lines", { by: "ana\nroot" }, "breakglass.bad_name"],
    ["a long name", { by: "a".repeat(101) }, "breakglass.bad_name"],
  ];

  test.each(orders)("%s", async (_name, over, code) => {
    const breakGlass = await open();
    await expect(breakGlass.start({ ...ORDER, ...over })).rejects.toMatchObject({ code });
    expect(breakGlass.isActive()).toBe(false);
    expect(events).toMatchObject([{ kind: "refused", code }]);
  });

  test("the longest time and the longest reason are taken", async () => {
    const breakGlass = await open();
    await breakGlass.start({ ttlSec: DEFAULT_PANIC_TTL_MAX_SEC, reason: "ü".repeat(500) });
    expect(breakGlass.isActive()).toBe(true);
  });

  test("a cap of one's own", async () => {
    const breakGlass = await open({ maxTtlSec: 30 });
    await expect(breakGlass.start({ ...ORDER, ttlSec: 31 })).rejects.toMatchObject({
      code: "breakglass.bad_ttl",
    });
    await breakGlass.start({ ...ORDER, ttlSec: 30 });
  });

  test("a start that cannot be made durable, and what was on stays", async () => {
    const breakGlass = await open();
    const first = await breakGlass.start(ORDER);
    // A folder in the way of the temporary file: root is stopped by it too.
    mkdirSync(join(`${stateFile}.new`, "full"), { recursive: true });
    await expect(breakGlass.start({ ...ORDER, reason: "again" })).rejects.toMatchObject({
      code: "breakglass.state_unwritable",
    });
    expect(breakGlass.state).toEqual(first);
    await expect(breakGlass.clear()).rejects.toMatchObject({
      code: "breakglass.state_unwritable",
    });
    expect(breakGlass.isActive()).toBe(false);
  });

  test("a start after closing", async () => {
    const breakGlass = await open();
    await breakGlass.close();
    await expect(breakGlass.start(ORDER)).rejects.toMatchObject({ code: "breakglass.closed" });
  });
});

describe("restarts", () => {
  test("what is on is on again, until the same moment", async () => {
    const before = await open();
    const state = await before.start({ ...ORDER, by: "ana" });
    await before.close();
    pass(20);
    const after = await open();
    expect(lastEvent()).toEqual({ kind: "resumed", state });
    pass(39.999);
    expect(after.isActive()).toBe(true);
    pass(0.001);
    expect(after.isActive()).toBe(false);
  });

  test("what ended meanwhile is told, once", async () => {
    const before = await open();
    const state = await before.start(ORDER);
    await before.close();
    pass(61);
    const after = await open();
    expect(after.isActive()).toBe(false);
    expect(lastEvent()).toEqual({ kind: "ended", state, cause: "restart", total: 0 });
    await after.close();
    events = [];
    await open();
    expect(events).toEqual([]);
  });

  test.each([
    { name: "an hour back", wallBySec: -3_600, upBySec: 20, leftSec: 40 },
    { name: "a little back", wallBySec: -10, upBySec: 59, leftSec: 1 },
    { name: "back, and all of its time has passed", wallBySec: -3_600, upBySec: 60, leftSec: 0 },
    { name: "forward beyond its end", wallBySec: 61, upBySec: 5, leftSec: 0 },
    { name: "right, after a reboot", wallBySec: 30, upBySec: -4_990, leftSec: 30 },
    { name: "wrong, after a reboot", wallBySec: -1, upBySec: -4_990, leftSec: 0 },
    { name: "slow, after a reboot", wallBySec: 5, upBySec: -4_950, leftSec: 10 },
  ])(
    "with a clock that went $name, $leftSec s are left",
    async ({ wallBySec, upBySec, leftSec }) => {
      const before = await open();
      await before.start(ORDER);
      await before.close();
      wallMs += wallBySec * 1_000;
      uptimeSec += upBySec;
      const after = await open();
      expect(after.isActive()).toBe(leftSec > 0);
      if (leftSec === 0) return;
      monotonicMs += (leftSec - 0.001) * 1_000;
      expect(after.isActive()).toBe(true);
      monotonicMs += 1;
      expect(after.isActive()).toBe(false);
    },
  );

  test("a cap that was lowered meanwhile holds", async () => {
    const before = await open();
    await before.start(ORDER);
    await before.close();
    const after = await open({ maxTtlSec: 10 });
    expect(after.state?.untilMs).toBe(NOON + 10_000);
    pass(10);
    expect(after.isActive()).toBe(false);
  });

  test("the file is for its owner alone", async () => {
    await (await open()).start(ORDER);
    expect(statSync(stateFile).mode & 0o777).toBe(0o600);
  });
});

describe("state files that are not taken", () => {
  const written = async (
    over: Partial<BreakGlassOptions> = {},
  ): Promise<Record<string, unknown>> => {
    const breakGlass = await open(over);
    await breakGlass.start(ORDER);
    await breakGlass.close();
    events = [];
    return JSON.parse(readFileSync(stateFile, "utf8")) as Record<string, unknown>;
  };

  test.each([
    ["nothing", () => ""],
    ["half of it", (text: string) => text.slice(0, text.length / 2)],
    ["no JSON", () => "on until Friday"],
    ["null", () => "null"],
    ["another format", (text: string) => text.replace("breakglass/1", "breakglass/2")],
    [
      "an end that is not its start and time",
      (text: string) => text.replace(/"untilMs":\d+/, `"untilMs":${NOON + 999_000}`),
    ],
    ["no time", (text: string) => text.replace('"ttlSec":60', '"ttlSec":"60"')],
    ["a reason of two lines", (text: string) => text.replace("provider is", String.raw`\n`)],
    [
      "an uptime below zero",
      (text: string) => text.replace(/"startedUptimeSec":\d+/, '"startedUptimeSec":-1'),
    ],
    ["too much", (text: string) => text + " ".repeat(1_048_577)],
  ])("%s", async (_name, edit) => {
    await written();
    writeFileSync(stateFile, edit(readFileSync(stateFile, "utf8")));
    const breakGlass = await open();
    expect(breakGlass.isActive()).toBe(false);
    expect(kinds()).toEqual(["refused"]);
    await breakGlass.start(ORDER);
    expect(breakGlass.isActive()).toBe(true);
  });

  test("one that others may write", async () => {
    await written();
    chmodSync(stateFile, 0o666);
    const breakGlass = await open();
    expect(breakGlass.isActive()).toBe(false);
    expect(events).toMatchObject([{ kind: "refused", code: "breakglass.state_refused" }]);
  });

  test("a folder in its place", async () => {
    mkdirSync(stateFile);
    expect((await open()).isActive()).toBe(false);
    expect(kinds()).toEqual(["refused"]);
  });
});

describe("two persons", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const other = generateKeyPairSync("ed25519");
  const approvals = { keys: [other.publicKey, publicKey] };
  const NOT_AFTER = "2026-11-22T12:10:00Z";

  const approve = (
    over: Partial<Approval> & {
      readonly order?: BreakGlassOrder;
      readonly key?: typeof privateKey;
    } = {},
  ): Approval => {
    const { order = ORDER, key = privateKey, ...given } = over;
    const approval = { notAfter: NOT_AFTER, nonce: "nonce-0123456789", ...given };
    const text = Buffer.from(approvalText(order, approval));
    return { signature: sign(null, text, key).toString("base64"), ...approval };
  };

  test("the text that is signed", () => {
    expect(approvalText(ORDER, { notAfter: NOT_AFTER, nonce: "n" })).toBe(
      "breakglass\nttl_sec=60\nreason=identity provider is down\nnot_after=2026-11-22T12:10:00Z\nnonce=n\n",
    );
  });

  test("a start with an approval is on, and says whose key it was", async () => {
    const breakGlass = await open({ approvals });
    const state = await breakGlass.start({ ...ORDER, approval: approve() });
    expect(state.approvedBy).toBe(keyId(publicKey));
    expect(JSON.stringify(events)).not.toContain(approve().signature);
  });

  const refused: [string, BreakGlassOrder, string][] = [
    ["no approval", ORDER, "breakglass.approval_required"],
    [
      "a signature by another key",
      { ...ORDER, approval: approve({ key: generateKeyPairSync("ed25519").privateKey }) },
      "breakglass.approval_refused",
    ],
    [
      "an approval of less time",
      { ...ORDER, approval: approve({ order: { ...ORDER, ttlSec: 59 } }) },
      "breakglass.approval_refused",
    ],
    [
      "an approval of another reason",
      { ...ORDER, approval: approve({ order: { ...ORDER, reason: "fire drill" } }) },
      "breakglass.approval_refused",
    ],
    [
      "another nonce than was signed",
      { ...ORDER, approval: { ...approve(), nonce: "nonce-9876543210" } },
      "breakglass.approval_refused",
    ],
    [
      "a longer time than was signed",
      { ...ORDER, approval: { ...approve(), notAfter: "2026-11-22T12:20:00Z" } },
      "breakglass.approval_refused",
    ],
    [
      "an approval that has ended",
      { ...ORDER, approval: approve({ notAfter: "2026-11-22T11:59:59Z" }) },
      "breakglass.approval_expired",
    ],
    [
      "an approval for tomorrow",
      { ...ORDER, approval: approve({ notAfter: "2026-11-23T12:00:00Z" }) },
      "breakglass.bad_approval",
    ],
    [
      "a day that does not exist",
      { ...ORDER, approval: approve({ notAfter: "2026-11-31T12:00:00Z" }) },
      "breakglass.bad_approval",
    ],
    [
      "a local time",
      { ...ORDER, approval: approve({ notAfter: "2026-11-22T12:10:00+00:00" }) },
      "breakglass.bad_approval",
    ],
    [
      "a short nonce",
      { ...ORDER, approval: approve({ nonce: "short" }) },
      "breakglass.bad_approval",
    ],
    [
      "a signature that is none",
      { ...ORDER, approval: { ...approve(), signature: "AAAA" } },
      "breakglass.bad_approval",
    ],
  ];

  test.each(refused)("%s is refused", async (_name, order, code) => {
    const breakGlass = await open({ approvals });
    await expect(breakGlass.start(order)).rejects.toMatchObject({ code });
    expect(breakGlass.isActive()).toBe(false);
  });

  test("an approval is good for one start, also after a restart, a clear and a set-back clock", async () => {
    const order = { ...ORDER, approval: approve() };
    const before = await open({ approvals });
    await before.start(order);
    await expect(before.start(order)).rejects.toMatchObject({
      code: "breakglass.approval_replayed",
    });
    await before.clear();
    pass(3_600);
    await before.close();
    const after = await open({ approvals });
    await after.clear();
    wallMs = NOON;
    await expect(after.start(order)).rejects.toMatchObject({
      code: "breakglass.approval_replayed",
    });
    await after.start({ ...ORDER, approval: approve({ nonce: "nonce-of-another" }) });
  });

  test("a restart goes on with what was approved", async () => {
    const before = await open({ approvals });
    await before.start({ ...ORDER, approval: approve() });
    await before.close();
    expect((await open({ approvals })).isActive()).toBe(true);
  });

  test("a state file without an approval switches nothing on", async () => {
    const before = await open();
    await before.start(ORDER);
    await before.close();
    events = [];
    expect((await open({ approvals })).isActive()).toBe(false);
    expect(kinds()).toEqual(["refused"]);
  });

  test("a state file that was edited switches nothing on", async () => {
    const before = await open({ approvals });
    await before.start({ ...ORDER, approval: approve() });
    await before.close();
    events = [];
    const text = readFileSync(stateFile, "utf8");
    writeFileSync(stateFile, text.replace("provider is down", "provider is fine"));
    expect((await open({ approvals })).isActive()).toBe(false);
    expect(kinds()).toEqual(["refused"]);
  });
});
