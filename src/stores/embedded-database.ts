/**
 * One SQLite file for what must survive a restart on a single machine: opened privately, written durably, shared by
 * several processes. It must never leave the file readable by others, nor report a write that a crash could undo.
 */
import { chmodSync, closeSync, constants, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type * as Sqlite from "node:sqlite";
import type { DatabaseSync } from "node:sqlite";

/** Marks the file as ours (`PRAGMA application_id`, "PCLS"), so that another program's database is never migrated. */
const APPLICATION_ID = 0x50434c53;

/** How long a command waits for another process's write lock. Longer only delays the error message. */
export const DEFAULT_LOCK_WAIT_MS = 5_000;

/** The file is for its owner alone: who writes it makes credentials, who reads it learns whom to attack. */
const FILE_MODE = 0o600;
const OTHERS_MASK = 0o077;

export interface EmbeddedDatabaseOptions {
  /** File path, made when missing; ":memory:" for a database that ends with the process. */
  readonly path: string;
}

export class EmbeddedDatabase {
  readonly connection: DatabaseSync;
  readonly #path: string;
  readonly #inode: bigint | undefined;

  private constructor(connection: DatabaseSync, path: string) {
    this.connection = connection;
    this.#path = path;
    this.#inode = inodeOf(path);
  }

  /** Opens or makes the file. Throws with a text for the operator when it cannot be trusted or used. */
  static open({ path }: EmbeddedDatabaseOptions): EmbeddedDatabase {
    if (path !== ":memory:") makePrivate(path);
    const { DatabaseSync: Database } = loadSqlite();
    const connection = new Database(path, {
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: false,
    });
    try {
      configure(connection, path);
    } catch (error) {
      connection.close();
      throw error;
    }
    return new EmbeddedDatabase(connection, path);
  }

  /** How long a write may wait for another process's; it blocks the whole thread, so a gateway chooses a short one. */
  setLockWait(lockWaitMs: number): void {
    this.connection.exec(`PRAGMA busy_timeout = ${Math.trunc(lockWaitMs)}`);
  }

  /**
   * Brings one component's tables to the newest version; the list only ever grows. Safe when several processes start
   * at once. Refuses a file that a newer release has already moved on.
   */
  migrate(component: string, steps: readonly string[]): void {
    this.write(() => {
      const row = this.connection
        .prepare("SELECT version FROM schema_version WHERE component = ?")
        .get(component);
      const version = Number(row?.["version"] ?? 0);
      if (version > steps.length) {
        throw new Error(
          `${this.#path} was written by a newer release (${component} version ${version}, known ${steps.length})`,
        );
      }
      for (const step of steps.slice(version)) this.connection.exec(step);
      this.connection
        .prepare(
          "INSERT INTO schema_version (component, version) VALUES (?, ?) ON CONFLICT (component) DO UPDATE SET version = excluded.version",
        )
        .run(component, steps.length);
    });
  }

  /**
   * Runs `work` as one transaction: all of it is on the disk when this returns, or none of it happened. The lock is
   * taken at the start (IMMEDIATE), because a read that turns into a write later can fail half way.
   */
  write<T>(work: () => T): T {
    this.connection.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.connection.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.connection.isTransaction) this.connection.exec("ROLLBACK");
      throw error;
    }
  }

  /** A number that changes when another connection has committed (`PRAGMA data_version`); about 5 microseconds. */
  dataVersion(): number {
    return Number(this.connection.prepare("PRAGMA data_version").get()?.["data_version"]);
  }

  /** Throws when the path no longer names the open file: changes made there would never be seen here. */
  requireSameFile(): void {
    if (this.#inode !== inodeOf(this.#path))
      throw new Error(`${this.#path} was replaced or removed while it was open`);
  }

  close(): void {
    if (this.connection.isOpen) this.connection.close();
  }
}

function configure(connection: DatabaseSync, path: string): void {
  connection.exec(`PRAGMA busy_timeout = ${DEFAULT_LOCK_WAIT_MS}; PRAGMA trusted_schema = OFF;`);
  claim(connection, path);
  // WAL lets the gateway read while a command writes. FULL, because in WAL mode the default of some builds (NORMAL)
  // may lose the last commits with the power: a revoked key would come back.
  connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
}

/** Marks a new file as ours, or refuses another program's. One process at a time: each would see the other's half. */
function claim(connection: DatabaseSync, path: string): void {
  const numberOf = (query: string): number =>
    Number(Object.values(connection.prepare(query).get() ?? {})[0]);
  connection.exec("BEGIN IMMEDIATE");
  try {
    const id = numberOf("PRAGMA application_id");
    const tables = numberOf("SELECT count(*) FROM sqlite_schema");
    if (id !== APPLICATION_ID && (id !== 0 || tables > 0))
      throw new Error(`${path} is a database of another program`);
    connection.exec(`
      PRAGMA application_id = ${APPLICATION_ID};
      CREATE TABLE IF NOT EXISTS schema_version (
        component TEXT PRIMARY KEY, version INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      COMMIT;
    `);
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw error;
  }
}

/** Makes the file with mode 0600 before SQLite would make it with the umask's; the -wal and -shm files inherit it. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE));
  if (process.platform === "win32") return;
  const { mode, size } = statSync(path);
  if ((mode & OTHERS_MASK) === 0) return;
  // A file that was open to others and already holds data may have been tampered with: a person must look at it.
  if (size > 0) throw new Error(`${path} is open to other users of this machine: chmod 600 it`);
  chmodSync(path, FILE_MODE);
}

function inodeOf(path: string): bigint | undefined {
  return path === ":memory:"
    ? undefined
    : statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/**
 * Loads `node:sqlite` at first use. Node 22 announces it as experimental; only that one warning is held back, and only
 * while the module loads. A static import would warn before any code of ours runs, and load it where it is not used.
 */
function loadSqlite(): typeof Sqlite {
  const forward = process.emitWarning.bind(process);
  const original = Object.getOwnPropertyDescriptor(process, "emitWarning") as PropertyDescriptor;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === "ExperimentalWarning" && String(warning).startsWith("SQLite ")) return;
    Reflect.apply(forward, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    Object.defineProperty(process, "emitWarning", original);
  }
}
