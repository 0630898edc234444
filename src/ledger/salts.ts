/**
 * One random salt for each subject, so that a person's commitments and pseudonyms mean nothing once it is deleted. It
 * must never hand out a salt that is not on the disk, nor keep a subject's name there.
 */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { blake3Hex } from "./hashing.ts";
import { openSaltDatabase, purgeDeleted } from "./salt-database.ts";
import { SaltError } from "./salt-error.ts";

/** The name of the file in a ledger's directory. */
export const SALTS_FILE = "salts.db";

/** As many as BLAKE3's output: nobody guesses a salt, so nobody tests a guessed body without it. */
const SALT_BYTES = 32;
const ID_BYTES = 8;

/** Half a second: the longest that a running gateway goes on using a salt that a command has erased. */
export const DEFAULT_POLL_MS = 500;
/**
 * Subjects in memory, about 400 bytes each. Whoever can bring in new subjects at will fills it; more memory would be
 * all they get, and with fewer places a busy gateway asks the file (10 microseconds) for subjects it knew.
 */
export const DEFAULT_CACHE_LIMIT = 65_536;
/** A gateway never blocks its requests longer than this while a command erases; a million subjects take a second. */
const WATCHING_LOCK_WAIT_MS = 1_000;
const COMMAND_LOCK_WAIT_MS = 10_000;

/** Tells the index of subjects from every other use of BLAKE3 over the same bytes. */
const INDEX_CONTEXT = Buffer.from("portcullis ledger 2026 salt index\0");

export interface Salt {
  /** 16 hexadecimal digits; stands in the record beside each commitment, says nothing about the subject. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** That a salt was deleted, for the record: never whose it was. */
export interface Erasure {
  /** Grows with every erasure; what `confirmErasures` counts by. */
  readonly number: number;
  /** The id that stands beside the commitments nobody can check any more. */
  readonly saltId: string;
  readonly atMs: number;
}

export interface SaltsOptions {
  readonly path: string;
  /** `gateway` makes the file and notices erasures by commands; `command` and `reader` want it to be there. */
  readonly use: "gateway" | "command" | "reader";
  readonly cacheLimit?: number;
  readonly pollMs?: number;
}

export class Salts {
  readonly #path: string;
  readonly #connection: DatabaseSync;
  readonly #secret: Uint8Array;
  readonly #bySubject: StatementSync;
  readonly #byId: StatementSync;
  readonly #insert: StatementSync;
  readonly #generation: StatementSync;
  readonly #inode: bigint | undefined;
  readonly #halfLimit: number;
  readonly #timer: NodeJS.Timeout | undefined;
  // A cache in two halves: what is used again moves to the young one, and when that is full the old one is dropped. It
  // forgets what was not used lately, as an LRU list does, but a hit in the young half is one look and writes nothing.
  #young = new Map<string, Salt>();
  #old = new Map<string, Salt>();
  #seenGeneration: number;
  #isReplaced = false;

  constructor({ path, use, cacheLimit = DEFAULT_CACHE_LIMIT, pollMs }: SaltsOptions) {
    this.#path = path;
    this.#halfLimit = Math.max(1, Math.trunc(cacheLimit / 2));
    const connection = openSaltDatabase({
      path,
      access: use === "gateway" ? "write" : use === "command" ? "existing" : "read",
      lockWaitMs: COMMAND_LOCK_WAIT_MS,
    });
    this.#connection = connection;
    this.#inode = inodeOf(path);
    this.#bySubject = connection.prepare("SELECT id, bytes FROM salt WHERE subject = ?");
    this.#byId = connection.prepare("SELECT id, bytes FROM salt WHERE id = ?");
    this.#insert = connection.prepare(
      "INSERT INTO salt (id, subject, bytes) VALUES (?, ?, ?) ON CONFLICT (subject) DO NOTHING",
    );
    this.#generation = connection.prepare("SELECT generation FROM ledger_wide");
    this.#secret = connection.prepare("SELECT secret FROM ledger_wide").get()?.[
      "secret"
    ] as Uint8Array;
    this.#seenGeneration = this.#readGeneration();
    if (use !== "gateway") return;
    // Only now: opening happens before the first request, and is worth the full wait.
    connection.exec(`PRAGMA busy_timeout = ${WATCHING_LOCK_WAIT_MS}`);
    this.#timer = setInterval(() => this.#lookAgain(), pollMs ?? DEFAULT_POLL_MS).unref();
  }

  /**
   * The subject's salt, made when there is none. Throws `SaltError` when the file cannot be used.
   *
   * A new salt is on the disk when this returns: the insert is a transaction of its own in a database with `synchronous
   * = FULL`, so that COMMIT returns after the sync. Whatever is computed from the salt, and so every line that bears a
   * commitment, is made later; it cannot be acknowledged before the salt is durable, though the two files are synced
   * apart. The other way round a crash could leave commitments that nobody can ever check. The price is one sync on the
   * calling thread for each subject seen for the first time, and never again.
   */
  saltOf(subjectKey: string): Salt {
    return this.#young.get(subjectKey) ?? this.#older(subjectKey);
  }

  /** The salt of that id; undefined once it is erased. */
  find(id: string): Salt | undefined {
    return this.#guarded(() => toSalt(this.#byId.get(id)));
  }

  /**
   * Deletes the subject's salt for good, and every trace of it in the file; false when there was none. Gateways that
   * have the file open forget it within `DEFAULT_POLL_MS`; what they commit until then cannot be checked either.
   */
  erase(subjectKey: string): boolean {
    const subject = this.#indexOf(subjectKey);
    const wasThere = this.#guarded(() => {
      this.#connection.exec("BEGIN IMMEDIATE");
      try {
        this.#connection
          .prepare("INSERT INTO erasure (salt, at_ms) SELECT id, ? FROM salt WHERE subject = ?")
          .run(Date.now(), subject);
        const { changes } = this.#connection
          .prepare("DELETE FROM salt WHERE subject = ?")
          .run(subject);
        this.#connection.exec("UPDATE ledger_wide SET generation = generation + 1; COMMIT");
        return Number(changes) > 0;
      } catch (error) {
        if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
        throw error;
      }
    });
    this.#forgetAll();
    // Also when nothing was deleted: a former attempt may have stopped before this.
    purgeDeleted(this.#connection, this.#path);
    return wasThere;
  }

  /** The oldest erasures that are not confirmed to be on record, in their order. */
  pendingErasures(limit: number): readonly Erasure[] {
    return this.#guarded(() =>
      this.#connection
        .prepare("SELECT number, salt, at_ms FROM erasure ORDER BY number LIMIT ?")
        .all(limit)
        .map((row) => ({
          number: Number(row["number"]),
          saltId: String(row["salt"]),
          atMs: Number(row["at_ms"]),
        })),
    );
  }

  /** Forgets erasures up to that number: called when they are on record for good. */
  confirmErasures(upTo: number): void {
    this.#guarded(() =>
      this.#connection.prepare("DELETE FROM erasure WHERE number <= ?").run(upTo),
    );
  }

  close(): void {
    clearInterval(this.#timer);
    this.#forgetAll();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #older(subjectKey: string): Salt {
    if (this.#isReplaced)
      throw new SaltError(
        "salts.replaced",
        `${this.#path} was replaced or removed while it was open: start the gateway again`,
      );
    const salt = this.#old.get(subjectKey) ?? this.#guarded(() => this.#readOrMake(subjectKey));
    if (this.#young.size >= this.#halfLimit) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(subjectKey, salt);
    return salt;
  }

  #readOrMake(subjectKey: string): Salt {
    const subject = this.#indexOf(subjectKey);
    const known = toSalt(this.#bySubject.get(subject));
    if (known) return known;
    const salt = { id: randomBytes(ID_BYTES).toString("hex"), bytes: randomBytes(SALT_BYTES) };
    const { changes } = this.#insert.run(salt.id, subject, salt.bytes);
    // None when another process has just made one: that one counts.
    return Number(changes) === 1 ? salt : (toSalt(this.#bySubject.get(subject)) as Salt);
  }

  #indexOf(subjectKey: string): string {
    return blake3Hex(INDEX_CONTEXT, this.#secret, Buffer.from(subjectKey));
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new SaltError(
        "salts.unavailable",
        `${this.#path} cannot be used: ${String(error)}`,
        error,
      );
    }
  }

  #readGeneration(): number {
    return Number(this.#generation.get()?.["generation"]);
  }

  /** Looks for erasures by other processes. When that fails nothing in memory can be trusted any more. */
  #lookAgain(): void {
    try {
      this.#isReplaced = inodeOf(this.#path) !== this.#inode;
      const generation = this.#readGeneration();
      if (generation === this.#seenGeneration && !this.#isReplaced) return;
      this.#seenGeneration = generation;
    } catch {
      // The next look-up goes to the file, and says what is wrong with it.
    }
    this.#forgetAll();
  }

  #forgetAll(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}

const toSalt = (row: Record<string, unknown> | undefined): Salt | undefined =>
  row && { id: row["id"] as string, bytes: row["bytes"] as Uint8Array };

const inodeOf = (path: string): bigint | undefined =>
  statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
