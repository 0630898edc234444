/** The hash that names rules and archives, as `sha256sum` prints it. */
import { createHash } from "node:crypto";

export const sha256Hex = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");
