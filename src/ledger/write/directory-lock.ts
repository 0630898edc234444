/**
 * One writer for one directory: a lock of the kernel on the file `lock`, which dies with its holder however that ends.
 * It must never go by a process id alone: ids are used again, and two containers on one volume cannot see each other's.
 */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { loadSqlite } from "../load-sqlite.ts";
import { LedgerError, reasonOf } from "./ledger-error.ts";

/** SQLite's SQLITE_BUSY (https://sqlite.org/rescode.html#busy): someone else has the lock. */
const BUSY = 5;

/**
 * The file is a SQLite database of one row (process id, start). WHY: an open write transaction is the one lock on a file
 * that Node offers which the kernel releases at death, which other threads of this process and other containers respect,
 * and under which the row can still be read. Nothing in this process may open the file otherwise: closing any
 * descriptor of it would release the lock (POSIX fcntl locks).
 */
export class DirectoryLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Throws `ledger.locked` when another writer is alive; what a dead one left is simply taken. */
  static acquire(directory: string): DirectoryLock {
    const path = join(directory, "lock");
    const { DatabaseSync: Database } = loadSqlite();
    let database: DatabaseSync | undefined;
    try {
      database = new Database(path, { timeout: 0 });
      claim(database);
      return new DirectoryLock(database);
    } catch (error) {
      const refusal = toRefusal(error, path, database);
      if (database?.isOpen === true) database.close();
      throw refusal;
    }
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Writes who we are, and keeps the lock. Between the two transactions another may come: then the second one fails. */
function claim(database: DatabaseSync): void {
  const started = new Date(performance.timeOrigin).toISOString();
  database.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS writer (pid INTEGER NOT NULL, started TEXT NOT NULL) STRICT;
    DELETE FROM writer;`);
  database.prepare("INSERT INTO writer (pid, started) VALUES (?, ?)").run(process.pid, started);
  database.exec("COMMIT; BEGIN IMMEDIATE;");
}

function toRefusal(error: unknown, path: string, database: DatabaseSync | undefined): LedgerError {
  if ((error as { errcode?: number }).errcode === BUSY) {
    return new LedgerError(
      "ledger.locked",
      `${path}: ${holderOf(database)} writes this ledger; give each process a directory of its own, or stop that one`,
      error,
    );
  }
  return new LedgerError(
    "ledger.directory_unusable",
    `${path}: ${reasonOf(error)}; make the directory writable with free space, or, when no other process writes here, remove this file`,
    error,
  );
}

function holderOf(database: DatabaseSync | undefined): string {
  try {
    const row = database?.prepare("SELECT pid, started FROM writer").get();
    if (row !== undefined)
      return `process ${String(row["pid"])} (started ${String(row["started"])})`;
  } catch {
    // Its first transaction is under way: there is no row to read yet.
  }
  return "another process";
}
