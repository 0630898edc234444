/** Reads a file that the configuration names, never more than a limit and never a device or a pipe. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";

const O_READ_NONBLOCKING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Why a file was not taken. `code` is the system's (`ENOENT`) or one of ours. */
export class FileRefused extends Error {
  override readonly name = "FileRefused";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface BoundedFile {
  readonly bytes: Buffer;
  /** Permission bits of the very file that was read. */
  readonly mode: number;
}

/** Reads a regular file of at most `limitBytes`. Throws `FileRefused`. */
export async function readBounded(path: string, limitBytes: number): Promise<BoundedFile> {
  // Non-blocking: opening a pipe that nobody writes to would otherwise never return.
  const file = await open(path, O_READ_NONBLOCKING).catch((error: NodeJS.ErrnoException) => {
    throw refusalOf(error);
  });
  try {
    // Of the open file, not of the path: the path may lead elsewhere a moment later.
    const { size, mode, isFile } = await statOf(file);
    if (!isFile) throw new FileRefused("NOT_A_FILE", "is not a regular file");
    if (size > limitBytes)
      throw new FileRefused("TOO_LARGE", `has ${size} bytes; ${limitBytes} are allowed`);
    return { bytes: await file.readFile(), mode };
  } catch (error) {
    throw error instanceof FileRefused ? error : refusalOf(error as NodeJS.ErrnoException);
  } finally {
    await file.close();
  }
}

async function statOf(
  file: Awaited<ReturnType<typeof open>>,
): Promise<{ size: number; mode: number; isFile: boolean }> {
  const stats = await file.stat();
  return { size: stats.size, mode: stats.mode & 0o777, isFile: stats.isFile() };
}

function refusalOf({ code }: NodeJS.ErrnoException): FileRefused {
  if (code === "ENOENT") return new FileRefused(code, "does not exist");
  if (code === "EACCES" || code === "EPERM")
    return new FileRefused(code, "may not be read by this process");
  return new FileRefused(code ?? "UNKNOWN", `cannot be read: ${code ?? "unknown"}`);
}
