import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openSaltDatabase } from "./salt-database.ts";
import { SaltError } from "./salt-error.ts";
import { Salts, type SaltsOptions } from "./salts.ts";

const MODULE = new URL("./salts.ts", import.meta.url).href;

let directory: string;
let path: string;
const open: Salts[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-salts-"));
  path = join(directory, "salts.db");
});

afterEach(() => {
  for (const salts of open.splice(0)) salts.close();
  rmSync(directory, { recursive: true, force: true });
});

function opened(options: Partial<SaltsOptions> = {}): Salts {
  const salts = new Salts({ path, use: "gateway", ...options });
  open.push(salts);
  return salts;
}

/** Everything SQLite keeps for the database, side files included. */
function bytesOnDisk(): Buffer {
  const files = [path, `${path}-wal`, `${path}-journal`];
  return Buffer.concat(files.filter((file) => existsSync(file)).map((file) => readFileSync(file)));
}

const child = (code: string) =>
  spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { Salts } from ${JSON.stringify(MODULE)};
       const open = (use) => new Salts({ path: ${JSON.stringify(path)}, use });
       ${code}`,
    ],
    { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, NODE_NO_WARNINGS: "1" } },
  );

const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe("salts", () => {
  test("each subject has one of its own, of 32 bytes, and keeps it", () => {
    const salts = opened();
    const alice = salts.saltOf("jwt:bank:alice");
    const bob = salts.saltOf("jwt:bank:bob");
    expect(alice.bytes).toHaveLength(32);
    expect(alice.id).toMatch(/^[0-9a-f]{16}$/);
    expect(alice.id).not.toBe(bob.id);
    expect(alice.bytes).not.toEqual(bob.bytes);
    expect(salts.saltOf("jwt:bank:alice")).toBe(alice);
    salts.close();
    expect(opened().saltOf("jwt:bank:alice")).toEqual({
      ...alice,
      bytes: new Uint8Array(alice.bytes),
    });
  });

  test("is found by its id, and only by that", () => {
    const salts = opened();
    const { id, bytes } = salts.saltOf("alice");
    expect(salts.find(id)).toEqual({ id, bytes: new Uint8Array(bytes) });
    expect(salts.find("alice")).toBeUndefined();
    expect(opened({ use: "reader" }).find(id)).toEqual({ id, bytes: new Uint8Array(bytes) });
  });

  test("a subject that memory has dropped keeps its salt; memory holds no more than its limit", () => {
    const salts = opened({ cacheLimit: 4 });
    const before = Array.from({ length: 20 }, (_, i) => salts.saltOf(`s${i}`).id);
    expect(Array.from({ length: 20 }, (_, i) => salts.saltOf(`s${i}`).id)).toEqual(before);
    // The same object comes from memory, another one from the file.
    const recent = salts.saltOf("s19");
    expect(salts.saltOf("s19")).toBe(recent);
    const dropped = salts.saltOf("s0");
    for (let i = 1; i <= 4; i++) salts.saltOf(`s${i}`);
    expect(salts.saltOf("s0")).not.toBe(dropped);
  });

  test("what is used again and again stays in memory", () => {
    const salts = opened({ cacheLimit: 4 });
    const hot = salts.saltOf("hot");
    for (let i = 0; i < 50; i++) {
      salts.saltOf(`cold${i}`);
      expect(salts.saltOf("hot")).toBe(hot);
    }
  });

  test("the subject's name is never in the file", () => {
    const salts = opened();
    const { id } = salts.saltOf("jwt:bank:alice@example.org");
    expect(bytesOnDisk().includes(id)).toBe(true);
    expect(bytesOnDisk().includes("alice")).toBe(false);
  });

  test.each(["", "\u0000", "a'); DROP TABLE salt; --", "ä".repeat(5_000), "\ud800"])(
    "any text is a subject: %j",
    (subject) => {
      const salts = opened();
      const { id } = salts.saltOf(subject);
      salts.close();
      expect(opened().saltOf(subject).id).toBe(id);
    },
  );
});

describe("erasing", () => {
  test("deletes the salt; the next one is another", () => {
    const salts = opened();
    const { id, bytes } = salts.saltOf("alice");
    const bob = salts.saltOf("bob");
    expect(salts.erase("alice")).toBe(true);
    expect(salts.erase("alice")).toBe(false);
    expect(salts.find(id)).toBeUndefined();
    expect(salts.saltOf("bob").id).toBe(bob.id);
    const again = salts.saltOf("alice");
    expect(again.id).not.toBe(id);
    expect(again.bytes).not.toEqual(bytes);
  });

  test("leaves nothing of the salt and the subject in any file, among thousands", () => {
    const gateway = opened();
    const made = Array.from({ length: 3_000 }, (_, i) => gateway.saltOf(`subject ${i}`));
    const command = opened({ use: "command" });
    for (let i = 0; i < 3_000; i += 100) expect(command.erase(`subject ${i}`)).toBe(true);
    const left = bytesOnDisk();
    for (const [i, salt] of made.entries()) {
      const isErased = i % 100 === 0;
      expect(left.includes(Buffer.from(salt.bytes)), `salt ${i}`).toBe(!isErased);
    }
  });

  test("is told to the record by the salt's id, in order, until that is confirmed", () => {
    const gateway = opened();
    const [alice, bob] = [gateway.saltOf("alice"), gateway.saltOf("bob")];
    const command = opened({ use: "command" });
    command.erase("alice");
    command.erase("nobody");
    command.erase("bob");
    const pending = gateway.pendingErasures(10);
    expect(pending.map(({ saltId }) => saltId)).toEqual([alice.id, bob.id]);
    expect(gateway.pendingErasures(1)).toEqual(pending.slice(0, 1));
    gateway.confirmErasures(pending[0]?.number ?? 0);
    expect(gateway.pendingErasures(10)).toEqual(pending.slice(1));
  });

  test("does not report what is only half done: a reader that holds the old state is named", () => {
    opened().saltOf("alice");
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const reader = new DatabaseSync(path);
    reader.exec("BEGIN; SELECT count(*) FROM salt");
    const rows = reader.prepare("SELECT * FROM salt").iterate();
    rows.next();
    const command = opened({ use: "gateway" });
    expect(() => command.erase("alice")).toThrow(code("salts.erase_incomplete"));
    rows.return?.();
    reader.exec("ROLLBACK");
    reader.close();
    expect(command.erase("alice")).toBe(false);
  });

  test("by a command reaches a running gateway in another process", async () => {
    const gateway = child(`
      import { createInterface } from "node:readline";
      const salts = open("gateway");
      for await (const subject of createInterface({ input: process.stdin }))
        process.stdout.write(salts.saltOf(subject).id + "\\n");
      salts.close();`);
    const answers = createInterface({ input: gateway.stdout })[Symbol.asyncIterator]();
    const ask = async (subject: string): Promise<string> => {
      gateway.stdin.write(`${subject}\n`);
      return (await answers.next()).value as string;
    };
    const alice = await ask("alice");
    const bob = await ask("bob");
    expect(await ask("alice")).toBe(alice);
    const command = opened({ use: "command" });
    expect(command.find(alice)).toBeDefined();
    expect(command.erase("alice")).toBe(true);
    await vi.waitFor(async () => expect(await ask("alice")).not.toBe(alice), {
      timeout: 10_000,
      interval: 20,
    });
    expect(await ask("bob")).toBe(bob);
    gateway.stdin.end();
    expect((await once(gateway, "exit"))[0]).toBe(0);
  });
});

describe("several processes and sudden death", () => {
  test("after kill -9 every salt that was handed out is there", async () => {
    const writer = child(`
      const salts = open("gateway");
      for (let i = 0; ; i++) process.stdout.write("subject " + i + " " + salts.saltOf("subject " + i).id + "\\n");`);
    const handedOut: string[] = [];
    for await (const line of createInterface({ input: writer.stdout }))
      if (handedOut.push(line) === 25) writer.kill("SIGKILL");
    if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
    const salts = opened();
    for (const line of handedOut.filter((text) => /^subject \d+ [0-9a-f]{16}$/.test(text))) {
      const [, number, id] = line.split(" ");
      expect(salts.saltOf(`subject ${number}`).id).toBe(id);
    }
  });

  test("two that meet the same subjects at once agree on their salts", async () => {
    const ask = `
      const salts = open("gateway");
      const ids = [];
      for (let i = 0; i < 30; i++) ids.push(salts.saltOf("subject " + i).id);
      process.stdout.write(ids.join(" ") + "\\n");
      salts.close();`;
    const answers = await Promise.all(
      [child(ask), child(ask)].map(async ({ stdout }) => {
        let text = "";
        for await (const line of createInterface({ input: stdout })) text += line;
        return text;
      }),
    );
    expect(answers[0]?.split(" ")).toHaveLength(30);
    expect(answers[0]).toBe(answers[1]);
  });
});

describe("the file", () => {
  test("and its side files are for the owner alone, whatever the umask", () => {
    const before = process.umask(0);
    try {
      opened().saltOf("alice");
    } finally {
      process.umask(before);
    }
    for (const file of [path, `${path}-wal`, `${path}-shm`])
      expect(statSync(file).mode & 0o777, file).toBe(0o600);
  });

  test("is durable: write-ahead log, full synchronisation, and deleted rows are overwritten", () => {
    const connection = openSaltDatabase({ path, access: "write", lockWaitMs: 1_000 });
    const pragma = (name: string) =>
      Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    expect(pragma("journal_mode")).toBe("wal");
    expect(pragma("synchronous")).toBe(2);
    expect(pragma("secure_delete")).toBe(1);
    connection.close();
  });

  test.each(["command", "reader"] as const)("must be there for a %s", (use) => {
    expect(() => opened({ use })).toThrow(code("salts.missing"));
    expect(existsSync(path)).toBe(false);
  });

  test("that others can read is refused, as is a symbolic link", () => {
    opened().close();
    chmodSync(path, 0o644);
    expect(() => opened()).toThrow(code("salts.untrusted"));
    chmodSync(path, 0o600);
    const link = join(directory, "link.db");
    symlinkSync(path, link);
    expect(() => opened({ path: link })).toThrow(/ELOOP/);
  });

  test.each(["gateway", "command", "reader"] as const)(
    "of another program, of a newer release, or no database at all is refused by a %s",
    (use) => {
      const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
      const foreign = new DatabaseSync(path);
      foreign.exec("CREATE TABLE theirs (a)");
      chmodSync(path, 0o600);
      expect(() => opened({ use })).toThrow(code("salts.untrusted"));
      foreign.close();
      rmSync(path);
      opened().close();
      const newer = new DatabaseSync(path);
      newer.exec("PRAGMA user_version = 99");
      newer.close();
      expect(() => opened({ use })).toThrow(/newer release/);
      rmSync(path);
      writeFileSync(path, "this is no database at all, but it is long enough to be one", {
        mode: 0o600,
      });
      expect(() => opened({ use })).toThrow(code("salts.unavailable"));
    },
  );

  test("that was moved away under a running gateway is an error, not a salt nobody will find", async () => {
    const salts = opened({ pollMs: 5 });
    salts.saltOf("alice");
    renameSync(path, `${path}.gone`);
    await vi.waitFor(() => expect(() => salts.saltOf("alice")).toThrow(code("salts.replaced")));
    renameSync(`${path}.gone`, path);
    await vi.waitFor(() => expect(salts.saltOf("alice").bytes).toHaveLength(32));
  });

  test("that cannot be written is an error", () => {
    const salts = opened();
    const known = salts.saltOf("alice");
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const other = new DatabaseSync(path);
    other.exec("DROP TABLE salt");
    other.close();
    expect(() => salts.saltOf("bob")).toThrow(SaltError);
    expect(salts.saltOf("alice")).toBe(known);
  });

  test("loads without a warning", () => {
    const { stderr, status } = spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { Salts } from ${JSON.stringify(MODULE)};
         new Salts({ path: ${JSON.stringify(path)}, use: "gateway" }).close();`,
      ],
      { encoding: "utf8" },
    );
    expect(status).toBe(0);
    expect(stderr).not.toMatch(/SQLite/);
  });
});
