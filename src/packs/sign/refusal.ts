/** One finding about a signature, an envelope, a key or a release. It must never quote what it refuses. */
import { PackRefused, type PackErrorCode } from "../pack-error.ts";

export function refusal(code: PackErrorCode, message: string, hint?: string): PackRefused {
  return new PackRefused([{ code, message, ...(hint !== undefined && { hint }) }]);
}
