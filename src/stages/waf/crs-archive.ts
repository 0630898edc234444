/**
 * Unpacks a release archive (tar.gz) of the Core Rule Set: its rules, plugins and set-up, and nothing else. It must never
 * write outside its folder, follow a link, or unpack more than a bound.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** Bytes of an archive unpacked. Releases have 6 MB; raised, a bomb in the archive's place takes that much memory. */
const UNPACKED_LIMIT_BYTES = 67_108_864;
const BLOCK_BYTES = 512;
/** Below the one folder that a release consists of. Only these are read by a rule set. */
const WANTED = /^[^/]+\/((?:rules|plugins)\/[A-Za-z0-9._-]+|crs-setup\.conf(?:\.example)?)$/;

/** An archive that is none, or too large. */
export class ArchiveRefused extends Error {
  override readonly name = "ArchiveRefused";
}

/** Unpacks into `root`, whole or not at all. A `root` that holds something else than the archive is made anew. */
export async function unpackArchive(bytes: Uint8Array, root: string): Promise<void> {
  const files = filesOf(inflate(bytes));
  if (files.length === 0) throw new ArchiveRefused("holds no rules");
  if (await holds(root, files)) return;
  await rm(root, { recursive: true, force: true });
  await mkdir(dirname(root), { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(`${root}.`);
  try {
    for (const { name, content } of files) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, content, { mode: 0o600 });
    }
    await rename(folder, root);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // Another process was quicker, with the same bytes.
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}

/** These files with this content, and no other: a file that was added would be loaded with them. */
async function holds(root: string, files: readonly ArchivedFile[]): Promise<boolean> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
  for (const { name, content } of files) {
    const there = await readFile(join(root, name)).catch(() => undefined);
    if (!there?.equals(content)) return false;
  }
  return true;
}

function inflate(bytes: Uint8Array): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: UNPACKED_LIMIT_BYTES });
  } catch {
    throw new ArchiveRefused("is not a tar.gz archive, or too large");
  }
}

interface ArchivedFile {
  readonly name: string;
  readonly content: Buffer;
}

/** POSIX.1-1988 ustar, which is what releases are; other kinds of entries (links, extended headers) are passed over. */
function filesOf(tar: Buffer): ArchivedFile[] {
  const files: ArchivedFile[] = [];
  for (let at = 0; at + BLOCK_BYTES <= tar.length;) {
    const header = tar.subarray(at, at + BLOCK_BYTES);
    if (header[0] === 0) break;
    const size = sizeIn(header);
    const start = at + BLOCK_BYTES;
    if (start + size > tar.length) throw new ArchiveRefused("ends early");
    const isFile = header[156] === 0x30 || header[156] === 0;
    const wanted = WANTED.exec(nameIn(header))?.[1];
    if (isFile && wanted !== undefined && !wanted.endsWith("/.") && !wanted.includes(".."))
      files.push({ name: wanted, content: tar.subarray(start, start + size) });
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}

function sizeIn(header: Buffer): number {
  const text = header.toString("latin1", 124, 136).replace(/[\0 ]+$/, "");
  if (!/^[0-7]{1,11}$/.test(text)) throw new ArchiveRefused("is not a tar archive");
  return Number.parseInt(text, 8);
}

function nameIn(header: Buffer): string {
  const name = textIn(header, 0, 100);
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  const prefix = isUstar ? textIn(header, 345, 500) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function textIn(header: Buffer, from: number, to: number): string {
  const text = header.toString("latin1", from, to);
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
