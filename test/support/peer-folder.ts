/** Where programs of others that tests run against are kept: in the checkout's own ignored folder, made once. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../../.portcullis/peers");

/** The folder `name` as `make` leaves it; made anew when an earlier attempt was not finished. Undefined when it fails. */
export function peerFolder(name: string, make: (folder: string) => boolean): string | undefined {
  const folder = join(FOLDER, name);
  const finished = join(folder, ".finished");
  if (existsSync(finished)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (!make(folder)) return undefined;
  writeFileSync(finished, "");
  return folder;
}
