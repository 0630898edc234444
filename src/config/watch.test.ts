import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ABSENT, digestOf } from "./file-digest.ts";
import { watchFiles, type FileWatch, type WatchInput } from "./watch.ts";

let directory: string;
let watch: FileWatch | undefined;
let told: string[][];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-watch-"));
  told = [];
});
afterEach(() => {
  watch?.close();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);

/** A poll of ten minutes by default, so that only events can be what is tested. */
async function begin(names: readonly string[], more: Partial<WatchInput> = {}): Promise<FileWatch> {
  const files = new Map(names.map((name) => [at(name), digestNow(at(name))]));
  watch = watchFiles({
    files,
    onChange: (changed) =>
      void told.push(changed.map((path) => path.slice(directory.length + 1)).sort()),
    onError: (error) => void told.push([String(error)]),
    debounceMs: 20,
    pollMs: 600_000,
    ...more,
  });
  await watch.check();
  return watch;
}

function digestNow(path: string): string {
  try {
    return digestOf(readFileSync(path));
  } catch {
    return ABSENT;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 250 && !condition(); i++) await sleep(20);
}

describe("by directory events", () => {
  test("a file written in place", async () => {
    writeFileSync(at("a"), "1");
    await begin(["a"]);
    writeFileSync(at("a"), "2");
    await until(() => told.length > 0);
    expect(told).toEqual([["a"]]);
  });

  test("a file renamed over the old one, again and again", async () => {
    writeFileSync(at("a"), "1");
    await begin(["a"]);
    for (const content of ["2", "3", "4"]) {
      const before = told.length;
      writeFileSync(at("new"), content);
      renameSync(at("new"), at("a"));
      await until(() => told.length > before);
    }
    expect(told).toEqual([["a"], ["a"], ["a"]]);
  });

  test("a Kubernetes volume: the link beside the files is swapped", async () => {
    mkdirSync(at("..1"));
    mkdirSync(at("..2"));
    writeFileSync(at("..1/tls.crt"), "old certificate");
    writeFileSync(at("..1/tls.key"), "old key");
    writeFileSync(at("..2/tls.crt"), "new certificate");
    writeFileSync(at("..2/tls.key"), "new key");
    symlinkSync("..1", at("..data"));
    symlinkSync("..data/tls.crt", at("tls.crt"));
    symlinkSync("..data/tls.key", at("tls.key"));
    await begin(["tls.crt", "tls.key"]);
    symlinkSync("..2", at("..tmp"));
    renameSync(at("..tmp"), at("..data"));
    await until(() => told.length > 0);
    expect(told).toEqual([["tls.crt", "tls.key"]]);
  });

  test("a file behind a link into another directory", async () => {
    mkdirSync(at("elsewhere"));
    writeFileSync(at("elsewhere/a"), "1");
    symlinkSync("elsewhere/a", at("a"));
    await begin(["a"]);
    writeFileSync(at("elsewhere/a"), "2");
    await until(() => told.length > 0);
    expect(told).toEqual([["a"]]);
  });

  test("a file that appears and one that goes", async () => {
    writeFileSync(at("a"), "1");
    await begin(["a", "overlay"]);
    writeFileSync(at("overlay"), "1");
    await until(() => told.length > 0);
    rmSync(at("a"));
    await until(() => told.length > 1);
    expect(told).toEqual([["overlay"], ["a"]]);
  });

  test("files written together are told together", async () => {
    writeFileSync(at("a"), "1");
    writeFileSync(at("b"), "1");
    await begin(["a", "b"], { debounceMs: 150 });
    writeFileSync(at("a"), "2");
    await sleep(30);
    writeFileSync(at("b"), "2");
    await until(() => told.length > 0);
    expect(told).toEqual([["a", "b"]]);
  });

  test("the same content again, other times and other files are no change", async () => {
    writeFileSync(at("a"), "1");
    const { check } = await begin(["a"]).then((begun) => ({ check: () => begun.check() }));
    writeFileSync(at("a"), "1");
    utimesSync(at("a"), new Date(), new Date(0));
    writeFileSync(at("other"), "1");
    await sleep(150);
    await check();
    expect(told).toEqual([]);
  });
});

test("a change between reading and watching is told at once", async () => {
  writeFileSync(at("a"), "2");
  await begin([], { files: new Map([[at("a"), digestOf(Buffer.from("1"))]]) });
  expect(told).toEqual([["a"]]);
});

test("the poll sees what no event tells", async () => {
  // The directory does not exist when watching begins, so there is nothing to receive events from.
  await begin(["late/a"], { pollMs: 50 });
  expect(told[0]?.[0]).toMatch(/ENOENT/);
  told.length = 0;
  mkdirSync(at("late"));
  writeFileSync(at("late/a"), "1");
  await until(() => told.length > 0);
  expect(told).toEqual([["late/a"]]);
});

test("a failing callback is told once and does not end the watching", async () => {
  writeFileSync(at("a"), "1");
  const errors: unknown[] = [];
  let calls = 0;
  await begin(["a"], {
    onChange: () => {
      calls++;
      throw new Error("bad configuration");
    },
    onError: (error) => void errors.push(error),
  });
  writeFileSync(at("a"), "2");
  await until(() => errors.length > 0);
  await watch?.check();
  expect([errors.length, calls]).toEqual([1, 1]);
  writeFileSync(at("a"), "3");
  await until(() => errors.length > 1);
  expect(calls).toBe(2);
});

test("callbacks do not overlap", async () => {
  writeFileSync(at("a"), "0");
  let running = 0;
  let most = 0;
  let last = "";
  await begin(["a"], {
    debounceMs: 1,
    onChange: async () => {
      most = Math.max(most, ++running);
      await sleep(30);
      last = readFileSync(at("a"), "utf8");
      running--;
    },
  });
  for (let i = 1; i <= 20; i++) {
    writeFileSync(at("a"), String(i));
    await sleep(5);
  }
  await until(() => last === "20" && running === 0);
  expect([most, last]).toEqual([1, "20"]);
});

test("other files can be watched after a reload", async () => {
  writeFileSync(at("a"), "1");
  writeFileSync(at("b"), "1");
  const begun = await begin(["a"]);
  begun.setFiles(new Map([[at("b"), digestNow(at("b"))]]));
  await begun.check();
  writeFileSync(at("a"), "2");
  writeFileSync(at("b"), "2");
  await until(() => told.length > 0);
  expect(told).toEqual([["b"]]);
});

test("nothing is told after close", async () => {
  writeFileSync(at("a"), "1");
  const begun = await begin(["a"], { pollMs: 20 });
  begun.close();
  writeFileSync(at("a"), "2");
  await sleep(150);
  await begun.check();
  expect(told).toEqual([]);
});
