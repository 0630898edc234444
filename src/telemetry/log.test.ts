/** The log as it arrives in a real file: lines, levels, redaction, rotation, and what happens when nobody reads. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../pipeline/outcome.ts";
import { rejection } from "../pipeline/rejection.ts";
import { contextOf, identityOf, NOON_MS } from "../../test/support/context.ts";
import type { LogLevel } from "./config.ts";
import { openLogDestination, reopenOnSignal } from "./log-destination.ts";
import { createLogger, type Log, type LogOptions } from "./log.ts";

let directory: string;
let path: string;
const children: ChildProcess[] = [];
const opened: { close(): Promise<void> }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-log-"));
  path = join(directory, "gateway.log");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const one of opened.splice(0)) await one.close();
  rmSync(directory, { recursive: true });
});

function open(level: LogLevel = "info", options: LogOptions = {}): Log {
  const log = createLogger(
    { level, destination: { path } },
    { nowMs: () => NOON_MS + 7, ...options },
  );
  opened.push(log);
  return log;
}
const text = (file = path): string => readFileSync(file, "utf8");
const lines = (file = path): Record<string, unknown>[] =>
  text(file)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const outcome: Outcome = {
  context: contextOf({ identity: identityOf() }),
  decision: "allow",
  status: 200,
  stage: "upstream",
  code: "ok",
  cause: undefined,
  latencyMs: 1,
  upstreamMs: 1,
  bytesIn: 1,
  bytesOut: 1,
  shadows: [],
  broken: [],
};

describe("lines", () => {
  test("messages and access lines come in order, with the same time and level fields", async () => {
    const log = open();
    log.info("listening", { listener: "public", port: 8443 });
    log.access(outcome);
    log.malformed({
      listener: "public",
      address: "::1",
      rejection: rejection("listener.malformed_request"),
    });
    log.warn("slow");
    await log.flush();
    expect(text().split("\n")[0]).toBe(
      '{"level":"info","time":"2026-11-22T12:00:00.007Z","listener":"public","port":8443,"msg":"listening"}',
    );
    expect(lines().map((line) => [line["level"], line["msg"], line["time"]])).toEqual([
      ["info", "listening", "2026-11-22T12:00:00.007Z"],
      ["info", "request", "2026-11-22T12:00:00.007Z"],
      ["info", "malformed request", "2026-11-22T12:00:00.007Z"],
      ["warn", "slow", "2026-11-22T12:00:00.007Z"],
    ]);
  });

  test("time goes on across seconds", async () => {
    let now = NOON_MS + 998;
    const log = open("info", { nowMs: () => now++ });
    now = NOON_MS + 998;
    for (let i = 0; i < 3; i++) log.info("tick");
    await log.flush();
    expect(lines().map((line) => line["time"])).toEqual([
      "2026-11-22T12:00:00.998Z",
      "2026-11-22T12:00:00.999Z",
      "2026-11-22T12:00:01.000Z",
    ]);
  });

  test("no message can break a line or smuggle a field", async () => {
    const log = open();
    log.info('x"}\n{"level":"fatal"\u2028\u0085\x1b[2J', {
      level: "fake",
      msg: "fake",
      time: 1,
      "a\nb": "\u202e",
    });
    await log.flush();
    expect(text().trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202e]/u);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({ level: "info", field_level: "fake", field_msg: "fake" });
  });

  test("what cannot be read costs its fields, not the line", async () => {
    const log = open();
    const broken = {
      get value(): string {
        throw new Error("no");
      },
    };
    log.error("still here", broken);
    await log.flush();
    expect(lines()[0]).toMatchObject({ msg: "still here", fields: "[unreadable]" });
  });

  test.each<[LogLevel, string[]]>([
    ["debug", ["debug", "info", "request", "error"]],
    ["info", ["info", "request", "error"]],
    ["error", ["error"]],
    ["silent", []],
  ])("level %s writes %j", async (level, written) => {
    const log = open("silent");
    log.setLevel(level);
    log.trace("trace");
    log.debug("debug");
    log.info("info");
    log.access(outcome);
    log.error("error");
    await log.flush();
    expect(lines().map((line) => line["msg"])).toEqual(written);
  });

  test("an access line of an error is written at level error", async () => {
    const log = open("error");
    log.access(outcome);
    log.access({ ...outcome, decision: "error", status: 502, code: "upstream.unreachable" });
    await log.flush();
    expect(lines().map((line) => line["code"])).toEqual(["upstream.unreachable"]);
  });

  test("a line is written without being asked for", async () => {
    const log = open("info", { flushIntervalMs: 10 });
    log.info("soon");
    await expect.poll(() => lines().length).toBe(1);
  });
});

describe("the file", () => {
  test("is the operator's alone", async () => {
    await open().flush();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("that cannot be opened is an error at once", () => {
    expect(() =>
      createLogger({ level: "info", destination: { path: join(directory, "no/x") } }),
    ).toThrow("ENOENT");
  });

  test("is opened anew for rotation, and no line is lost or split", async () => {
    const log = open();
    for (let i = 0; i < 5_000; i++) {
      log.access({ ...outcome, bytesIn: i });
      if (i === 2_500) {
        renameSync(path, `${path}.1`);
        log.reopen();
      }
    }
    await log.flush();
    await expect.poll(() => lines(`${path}.1`).length + lines().length).toBe(5_000);
    expect(lines(`${path}.1`).at(-1)?.["bytes_in"]).toBe(2_500);
    expect(lines()[0]?.["bytes_in"]).toBe(2_501);
  });

  test("that is gone at rotation leaves the old one in use", async () => {
    const log = open();
    log.info("before");
    renameSync(directory, `${directory}-moved`);
    expect(() => log.reopen()).toThrow("ENOENT");
    log.info("after");
    await log.flush();
    renameSync(`${directory}-moved`, directory);
    expect(lines().map((line) => line["msg"])).toEqual(["before", "after"]);
  });

  test("is opened anew on the signal", async () => {
    const log = open();
    const stop = reopenOnSignal(log, { onError: () => undefined });
    log.info("old");
    await log.flush();
    renameSync(path, `${path}.1`);
    process.kill(process.pid, "SIGUSR2");
    await expect.poll(() => statSync(path, { throwIfNoEntry: false }) !== undefined).toBe(true);
    stop();
    log.info("new");
    await log.flush();
    expect(lines().map((line) => line["msg"])).toEqual(["new"]);
  });

  test("takes lines of any length, whole and in order", async () => {
    const destination = openLogDestination({ path }, { batchBytes: 1_000 });
    opened.push(destination);
    const written = Array.from({ length: 200 }, (_, i) => `${i}${"é".repeat((i * 37) % 1_500)}\n`);
    for (const line of written) destination.write(line);
    await destination.flush();
    expect(text()).toBe(written.join(""));
  });

  test("closing writes the rest; what comes later is counted", async () => {
    const log = open();
    log.info("last");
    await log.close();
    log.info("too late");
    expect(lines()).toHaveLength(1);
    expect(log.droppedLines).toBe(1);
  });
});

test("a full disk is counted and never throws", async () => {
  const destination = openLogDestination({ path: "/dev/full" }, { closeTimeoutMs: 50 });
  destination.write("lost\n");
  await destination.flush();
  expect(destination.writeFailures).toBeGreaterThan(0);
  await destination.close();
});

/** Runs a program that writes to the standard output of a process of its own: a socket, or a pipe nobody reads. */
function startWriter(program: string, stdout: "socket" | "unread pipe" = "socket"): ChildProcess {
  const room = new URL("log-destination.ts", import.meta.url).href;
  const source = `import { openLogDestination } from ${JSON.stringify(room)};\n${program}`;
  const command = [process.execPath, "--input-type=module", "--eval", source];
  const child =
    stdout === "socket"
      ? spawn(command[0] as string, command.slice(1))
      : spawn("sh", ["-c", '("$@"; echo exited >&2) | sleep 10 2>/dev/null', "sh", ...command]);
  children.push(child);
  return child;
}

/** Everything the program says on standard error, once it has exited. */
async function reportOf(child: ChildProcess): Promise<string> {
  let report = "";
  for await (const chunk of child.stderr as AsyncIterable<Buffer>) {
    report += chunk.toString();
    if (report.endsWith("exited\n")) break;
  }
  return report.replace("exited\n", "");
}

describe("standard output", () => {
  test("gets what was not yet written when the process ends", async () => {
    const child = startWriter(`const out = openLogDestination("stdout");
      for (let i = 0; i < 3000; i++) out.write(i + "\\n");
      process.exit(3);`);
    let seen = "";
    child.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(3);
    expect(seen.split("\n").length - 1).toBe(3000);
  });

  test("gets it also when the process dies of an exception", async () => {
    const child = startWriter(
      `openLogDestination("stdout").write("last words\\n"); throw new Error("x");`,
    );
    let seen = "";
    child.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    await once(child, "close");
    expect(seen).toBe("last words\n");
  });

  test.each([
    ["socket", "close"],
    ["socket", "exit"],
    ["unread pipe", "close"],
    ["unread pipe", "exit"],
  ] as const)(
    "the %s that nobody reads neither blocks, nor grows without bound, nor forbids to %s",
    async (kind, ending) => {
      const child = startWriter(
        `const out = openLogDestination("stdout", { backlogLimitBytes: 1_000_000, closeTimeoutMs: 200 });
      const line = "x".repeat(999) + "\\n";
      let longest = 0, last = performance.now();
      for (let i = 0; i < 50; i++) {
        for (let j = 0; j < 1000; j++) out.write(line);
        await new Promise((resolve) => setImmediate(resolve));
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
      const rss = process.memoryUsage().rss;
      process.stderr.write(JSON.stringify({ dropped: out.droppedLines, longest, rss }));
      if (${String(ending === "close")}) await out.close();
      else process.exit(0);`,
        kind,
      );
      const { dropped, longest, rss } = JSON.parse(await reportOf(child)) as Record<string, number>;
      expect(dropped).toBeGreaterThan(40_000);
      expect(longest).toBeLessThan(1_000);
      expect(rss).toBeLessThan(250_000_000);
    },
  );

  test("whose reader went away drops and counts, and does not kill the process", async () => {
    const child = startWriter(`const out = openLogDestination("stdout", { closeTimeoutMs: 200 });
      setTimeout(async () => {
        for (let i = 0; i < 10; i++) { out.write("x\\n"); await out.flush(); }
        process.stderr.write(String(out.droppedLines));
        await out.close();
      }, 100);`);
    child.stdout?.destroy();
    expect(Number(await reportOf(child))).toBeGreaterThan(5);
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode).toBe(0);
  });
});
