/**
 * Moves what was written to the log of the quota file into the file itself, each time that it is told. A thread of its
 * own, because it waits for the disk; it must never take the lock that writes take.
 */
import { parentPort, workerData } from "node:worker_threads";

// Node 22 announces SQLite as experimental on the error output; nothing else in this thread could warn.
process.removeAllListeners("warning");
const { DatabaseSync } = process.getBuiltinModule("node:sqlite");

// Opened barely: whoever sent this here has made sure of the file.
const connection = new DatabaseSync(String(workerData));
connection.exec("PRAGMA synchronous = NORMAL");

parentPort?.on("message", () => connection.exec("PRAGMA wal_checkpoint(PASSIVE)"));
