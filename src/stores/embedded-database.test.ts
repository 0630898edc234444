import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EmbeddedDatabase } from "./embedded-database.ts";

const MODULE = new URL("./embedded-database.ts", import.meta.url).href;

let directory: string;
let path: string;
const open: EmbeddedDatabase[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-database-"));
  path = join(directory, "state", "state.db");
});

afterEach(() => {
  for (const database of open.splice(0)) database.close();
  rmSync(directory, { recursive: true, force: true });
});

function opened(at = path): EmbeddedDatabase {
  const database = EmbeddedDatabase.open({ path: at });
  open.push(database);
  return database;
}

const modeOf = (file: string) => statSync(file).mode & 0o777;

describe("the embedded database", () => {
  test("it and its side files are for the owner alone, whatever the umask", () => {
    const before = process.umask(0);
    try {
      opened().migrate("part", ["CREATE TABLE one (a TEXT) STRICT"]);
    } finally {
      process.umask(before);
    }
    expect(modeOf(path)).toBe(0o600);
    expect(modeOf(`${path}-wal`)).toBe(0o600);
    expect(modeOf(`${path}-shm`)).toBe(0o600);
    expect(modeOf(join(directory, "state"))).toBe(0o700);
  });

  test("a file with data that others can read is refused", () => {
    opened().close();
    chmodSync(path, 0o644);
    expect(() => opened()).toThrow(/chmod 600/);
  });

  test("a symbolic link in its place is refused", () => {
    opened().close();
    const link = join(directory, "link.db");
    symlinkSync(path, link);
    expect(() => opened(link)).toThrow(/ELOOP/);
  });

  test("a file that is no database, and a database of another program, are refused", () => {
    const text = join(directory, "text.db");
    writeFileSync(text, "this is not a database at all, but it is long enough", { mode: 0o600 });
    expect(() => opened(text)).toThrow(/not a database/);
    const foreign = opened();
    foreign.connection.exec("CREATE TABLE theirs (a); PRAGMA application_id = 7");
    foreign.close();
    expect(() => opened()).toThrow(/another program/);
  });

  test("writes are durable: write-ahead log with full synchronisation", () => {
    const { connection } = opened();
    expect(connection.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
    expect(connection.prepare("PRAGMA synchronous").get()).toMatchObject({ synchronous: 2 });
  });

  test("migrations run once each, and a newer file is refused", () => {
    const first = "CREATE TABLE one (a TEXT) STRICT";
    const second = "ALTER TABLE one ADD COLUMN b TEXT";
    opened().migrate("part", [first]);
    opened().migrate("part", [first, second]);
    opened().migrate("part", [first, second]);
    opened().connection.prepare("INSERT INTO one (a, b) VALUES ('x', 'y')").run();
    expect(() => opened().migrate("part", [first])).toThrow(/newer release/);
  });

  test("a migration that fails leaves nothing behind", () => {
    const database = opened();
    expect(() => database.migrate("part", ["CREATE TABLE one (a); SELECT nonsense"])).toThrow();
    database.migrate("part", ["CREATE TABLE one (a)"]);
  });

  test("a write that throws is undone", () => {
    const database = opened();
    database.migrate("part", ["CREATE TABLE one (a TEXT) STRICT"]);
    const work = () => {
      database.connection.exec("INSERT INTO one VALUES ('x')");
      throw new Error("on purpose");
    };
    expect(() => database.write(work)).toThrow("on purpose");
    expect(database.connection.prepare("SELECT * FROM one").all()).toEqual([]);
  });

  test("another connection's commit changes the data version, one's own does not", () => {
    const [mine, theirs] = [opened(), opened()];
    mine.migrate("part", ["CREATE TABLE one (a TEXT) STRICT"]);
    const before = mine.dataVersion();
    mine.write(() => mine.connection.exec("INSERT INTO one VALUES ('x')"));
    expect(mine.dataVersion()).toBe(before);
    theirs.write(() => theirs.connection.exec("INSERT INTO one VALUES ('y')"));
    expect(mine.dataVersion()).not.toBe(before);
  });

  test("a file that is replaced while open is noticed", () => {
    const database = opened();
    database.requireSameFile();
    renameSync(path, `${path}.old`);
    expect(() => database.requireSameFile()).toThrow(/replaced or removed/);
    writeFileSync(path, "");
    expect(() => database.requireSameFile()).toThrow(/replaced or removed/);
  });

  test("opening it prints no warning about SQLite, and swallows no other", () => {
    const code = `
      import { EmbeddedDatabase } from ${JSON.stringify(MODULE)};
      EmbeddedDatabase.open({ path: ":memory:" }).close();
      process.emitWarning("still heard", "ExperimentalWarning");`;
    const { stderr: heard } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
      encoding: "utf8",
    });
    expect(heard).toContain("still heard");
    expect(heard).not.toContain("SQLite");
  });
});
