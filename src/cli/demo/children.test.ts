import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Children } from "./children.ts";

const folder = mkdtempSync(join(tmpdir(), "portcullis-children-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function command(name: string, source: string) {
  const script = join(folder, `${name}.mjs`);
  writeFileSync(script, source);
  return { name, script, args: [], logFile: join(folder, `${name}.log`) };
}

const SAYS_READY = `console.log(JSON.stringify({ msg: "ready", pid: process.pid }));`;
const isReady = (lines: readonly Readonly<Record<string, unknown>>[]): boolean =>
  lines.some((line) => line["msg"] === "ready");

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const pidOf = (lines: readonly Readonly<Record<string, unknown>>[]): number =>
  Number(lines.find((line) => "pid" in line)?.["pid"]);

test("a child is ready when it says so, is logged, and is gone after stop", async () => {
  const children = new Children();
  const good = command(
    "good",
    `console.log("plain text"); ${SAYS_READY} setInterval(() => {}, 1000);`,
  );
  const pid = pidOf(await children.start(good, isReady));
  expect(isAlive(pid)).toBe(true);
  await children.stop();
  expect(isAlive(pid)).toBe(false);
  expect(readFileSync(good.logFile, "utf8")).toContain("plain text");
});

test("a child that fails to start is reported with its last words", async () => {
  const children = new Children();
  const bad = command("bad", `console.error("no such key"); process.exit(3);`);
  await expect(children.start(bad, isReady)).rejects.toThrow(
    /bad ended \(3\) before it was ready:\nno such key/,
  );
});

test("a child that dies later is noticed, one that is stopped is not", async () => {
  const children = new Children();
  await children.start(
    command("mortal", `${SAYS_READY} setTimeout(() => process.exit(5), 100);`),
    isReady,
  );
  expect(await children.untilOneDies()).toContain("(5)");
});

test("nothing is started any more once stopping has begun", async () => {
  const children = new Children();
  await children.stop();
  await expect(children.start(command("late", SAYS_READY), isReady)).rejects.toThrow("not started");
});

test("a child does not outlive a parent that was killed", async () => {
  const parent = command(
    "parent",
    `import { Children } from ${JSON.stringify(new URL("./children.ts", import.meta.url).href)};
     const lines = await new Children().start(
       { name: "child", script: ${JSON.stringify(command("child", `${SAYS_READY} setInterval(() => {}, 1000);`).script)}, args: [], logFile: ${JSON.stringify(join(folder, "child.log"))} },
       (said) => said.length > 0,
     );
     console.log(JSON.stringify({ msg: "ready", pid: lines[0].pid, own: process.pid }));
     setInterval(() => {}, 1000);`,
  );
  const children = new Children();
  const lines = await children.start(parent, isReady);
  const child = pidOf(lines);
  expect(isAlive(child)).toBe(true);
  process.kill(Number(lines[0]?.["own"]), "SIGKILL");
  await expect.poll(() => isAlive(child), { timeout: 5_000 }).toBe(false);
  await children.stop();
});
