/** The lock of a ledger's directory: one writer alive, and nothing of a dead one in the way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, test } from "vitest";
import { openLedger } from "../ledger.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { newDirectory, optionsFor, removeDirectories } from "./ledger-directory.test-support.ts";

afterAll(removeDirectories);

describe("a second writer", () => {
  test("in this thread, in another thread and in another process is refused with the holder's id", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    await expect(openLedger(optionsFor(directory))).rejects.toMatchObject({
      code: "ledger.locked",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    const code = `
      const { DirectoryLock } = await import(${JSON.stringify(new URL("directory-lock.ts", import.meta.url).href)});
      try { DirectoryLock.acquire(${JSON.stringify(directory)}); process.exit(0); }
      catch (error) { process.exit(error.code === "ledger.locked" ? 3 : 4); }`;
    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    expect((await once(thread, "exit"))[0]).toBe(3);
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "ignore" });
    expect((await once(child, "exit"))[0]).toBe(3);
    await ledger.close();
    const next = await openLedger(optionsFor(directory));
    await next.close();
  });

  test("takes the lock of a dead one, whatever its process id is now", async () => {
    const directory = newDirectory();
    const code = `
      const { DirectoryLock } = await import(${JSON.stringify(new URL("directory-lock.ts", import.meta.url).href)});
      globalThis.lock = DirectoryLock.acquire(${JSON.stringify(directory)});
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(() => DirectoryLock.acquire(directory)).toThrow(
      expect.objectContaining({ code: "ledger.locked" }),
    );
    child.kill("SIGKILL");
    await once(child, "exit");
    DirectoryLock.acquire(directory).release();
  });

  test("is not let in by a lock file that cannot be read", () => {
    const directory = newDirectory();
    writeFileSync(
      join(directory, "lock"),
      "not a database at all, but long enough to be looked at as one ".repeat(20),
    );
    expect(() => DirectoryLock.acquire(directory)).toThrow(
      expect.objectContaining({ code: "ledger.directory_unusable" }),
    );
  });
});
