/** SQLite of the engine's own: loaded at first use, quietly. It must never hold back any other warning. */
import type * as Sqlite from "node:sqlite";

/**
 * Node 22 announces `node:sqlite` as experimental; only that one warning is held back, and only while the module loads.
 */
export function loadSqlite(): typeof Sqlite {
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
