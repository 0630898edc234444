/**
 * The file of the salts: opened privately, written durably, and emptied so that nothing erased can be read from it. It
 * must never leave the file readable by others, nor report a write that a crash could undo.
 */
import { chmodSync, closeSync, constants, existsSync, openSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { randomBytes } from "node:crypto";
import { loadSqlite } from "./load-sqlite.ts";
import { SaltError } from "./salt-error.ts";

/** Marks the file as ours (`PRAGMA application_id`, "PCSL"), so that no other database is taken for one of salts. */
const APPLICATION_ID = 0x5043534c;
/** `PRAGMA user_version`; a higher number is a newer release's. */
const SCHEMA_VERSION = 1;

/** The file is for its owner alone: who reads it can test whether a body or a person is in the record. */
const FILE_MODE = 0o600;
const OTHERS_MASK = 0o077;

const SECRET_BYTES = 32;

/**
 * `salt` only ever grows at its end (AUTOINCREMENT), so that SQLite does not move salts between pages and leave copies.
 * `subject` is a keyed hash: the subject's name is nowhere in the file. `generation` counts erasures; `erasure` holds those
 * that are not on record yet: the salt's id, which says nothing about the subject.
 */
const SCHEMA = `
  CREATE TABLE salt (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL UNIQUE,
    bytes BLOB NOT NULL CHECK (length(bytes) = 32)
  ) STRICT;
  CREATE TABLE ledger_wide (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    secret BLOB NOT NULL CHECK (length(secret) = ${SECRET_BYTES}),
    generation INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE erasure (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    salt TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;`;

export interface SaltDatabaseOptions {
  readonly path: string;
  /**
   * `write`: made when missing. `existing`: for commands about a ledger that must be there. `read`: the same, and nothing
   * is changed, not even a side file beyond what SQLite needs for reading.
   */
  readonly access: "write" | "existing" | "read";
  /** How long a statement waits for another process's lock; it blocks the whole thread. */
  readonly lockWaitMs: number;
}

/** Opens the file. Throws `SaltError` with what to do when it cannot be trusted or used. */
export function openSaltDatabase({ path, access, lockWaitMs }: SaltDatabaseOptions): DatabaseSync {
  if (access !== "write" && !existsSync(path)) {
    throw new SaltError(
      "salts.missing",
      `${path} does not exist: this directory has no ledger, or one that records no commitments`,
    );
  }
  if (access !== "read") makePrivate(path);
  const { DatabaseSync: Database } = loadSqlite();
  const connection = new Database(path, {
    readOnly: access === "read",
    enableDoubleQuotedStringLiterals: false,
  });
  try {
    connection.exec(`PRAGMA busy_timeout = ${Math.trunc(lockWaitMs)}; PRAGMA trusted_schema = OFF;
      PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;`);
    if (access === "read") requireOurs(connection, path);
    else claim(connection, path);
    return connection;
  } catch (error) {
    connection.close();
    if (error instanceof SaltError) throw error;
    throw new SaltError("salts.unavailable", `${path} cannot be opened: ${String(error)}`, error);
  }
}

/**
 * Empties every place where an erased row may still stand. `secure_delete` overwrites the row, but pages of an index
 * keep copies of entries that were moved, and the write-ahead log keeps whole old pages: VACUUM writes the file anew,
 * and the log is cut to nothing. Throws when another process keeps the log busy: nothing may be called erased then.
 */
export function purgeDeleted(connection: DatabaseSync, path: string): void {
  try {
    connection.exec("VACUUM");
    const { busy } = connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() ?? {};
    if (Number(busy) === 0) return;
  } catch (error) {
    throw notYetErased(path, error);
  }
  throw notYetErased(path);
}

const notYetErased = (path: string, cause?: unknown): SaltError =>
  new SaltError(
    "salts.erase_incomplete",
    `the salt is deleted, but ${path} is busy and may still hold a copy of it: run the same command again`,
    cause,
  );

/** Makes a new file ours, or checks that it is. One process at a time: each would see the other's half. */
function claim(connection: DatabaseSync, path: string): void {
  connection.exec("BEGIN IMMEDIATE");
  try {
    if (isEmpty(connection)) {
      connection.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID};
        PRAGMA user_version = ${SCHEMA_VERSION};`);
      connection.prepare("INSERT INTO ledger_wide VALUES (1, ?, 0)").run(randomBytes(SECRET_BYTES));
    }
    requireOurs(connection, path);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw error;
  }
  // WAL lets the gateway read while a command erases. FULL, because the default of some builds (NORMAL) may lose the
  // last commits with the power: see `Salts.saltOf` for what hangs on it.
  connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
}

function requireOurs(connection: DatabaseSync, path: string): void {
  if (numberOf(connection, "PRAGMA application_id") !== APPLICATION_ID)
    throw new SaltError("salts.untrusted", `${path} is a database of another program`);
  const version = numberOf(connection, "PRAGMA user_version");
  if (version > SCHEMA_VERSION) {
    throw new SaltError(
      "salts.untrusted",
      `${path} was written by a newer release (version ${version}, known ${SCHEMA_VERSION})`,
    );
  }
}

const isEmpty = (connection: DatabaseSync): boolean =>
  numberOf(connection, "PRAGMA application_id") === 0 &&
  numberOf(connection, "SELECT count(*) FROM sqlite_schema") === 0;

const numberOf = (connection: DatabaseSync, query: string): number =>
  Number(Object.values(connection.prepare(query).get() ?? {})[0]);

/** Makes the file with mode 0600 before SQLite would make it with the umask's; its side files inherit it. */
function makePrivate(path: string): void {
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE));
  if (process.platform === "win32") return;
  const { mode, size } = statSync(path);
  if ((mode & OTHERS_MASK) === 0) return;
  // A file that was open to others and already holds data may have been read: a person must know.
  if (size > 0) {
    throw new SaltError(
      "salts.untrusted",
      `${path} is open to other users of this machine: chmod 600 it`,
    );
  }
  chmodSync(path, FILE_MODE);
}
