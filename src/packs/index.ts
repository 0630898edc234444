/**
 * `portcullis/packs`: signed policy packs for any program. Read a pack, prove things about it, sign and open it, and ask it
 * about a request. The format is in docs/pack-format.md.
 */
export {
  compilePack,
  type PackDecision,
  type PackEvaluator,
  type PackTrace,
} from "./evaluate/evaluator.ts";
export {
  FIELDS,
  packContext,
  type FieldName,
  type FieldType,
  type FieldValue,
  type PackContext,
} from "./fields.ts";
export { Constitution, type ConstitutionOptions } from "./life/constitution.ts";
export type { ConstitutionEvent } from "./life/constitution-event.ts";
export type { Pack } from "./pack.ts";
export { PackRefused, type PackErrorCode, type PackFinding } from "./pack-error.ts";
export { BreakGlass, type BreakGlassOptions } from "./panic/break-glass.ts";
export { graveFindings } from "./prove/acknowledge.ts";
export { diffPacks } from "./prove/diff.ts";
export { lintPack, type LintFinding } from "./prove/lint.ts";
export { readPack } from "./read/read-pack.ts";
export { signEnvelope } from "./sign/dsse.ts";
export { createPackKey, readPrivateKey, readPublicKey } from "./sign/keys.ts";
export { packHash } from "./sign/pack-hash.ts";
export { signPackJson } from "./sign/pack-json.ts";
export { checkRelease } from "./sign/release.ts";
export { signResponse, verifyResponse } from "./sign/response-signature.ts";
export { openPack, type OpenedPack, type PackTrust, type SignedSource } from "./sign/trust.ts";
