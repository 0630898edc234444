/** From the section `constitution` to what `packs` is opened with: paths made absolute, keys read. */
import { resolve } from "node:path";
import type { KeyObject } from "node:crypto";
import type { PackPaths } from "../../packs/life/pack-files.ts";
import {
  keyId,
  readPrivateKey,
  readPublicKey,
  readPublicKeyBase64,
} from "../../packs/sign/keys.ts";
import type { PackTrust } from "../../packs/sign/trust.ts";
import type { ConstitutionSection } from "../../stages/constitution/config.ts";
import type { Configuration } from "../configuration.ts";

export interface PackSettings {
  readonly files: PackPaths;
  readonly trust: PackTrust;
  readonly acknowledged: readonly string[];
  readonly stateFile: string;
  /** The keys' own text: with the section it tells whether anything has changed. */
  readonly keyTexts: readonly string[];
}

/** Throws `SecretError` or `PackRefused` when a key cannot be read. */
export async function readPackSettings(
  section: ConstitutionSection,
  { loaded, reader }: Configuration,
): Promise<PackSettings> {
  const at = (path: string): string => resolve(loaded.directory, path);
  const keyTexts = await Promise.all(
    section.keys.map(async (reference) =>
      reference.kind === "file"
        ? (await reader.readFile(reference)).toString("utf8")
        : (await reader.readSecret(reference)).reveal(),
    ),
  );
  const keys = keyTexts.map(keyOf);
  if (section.signAnswers) {
    const answerKey = keyId(
      readPrivateKey((await reader.readSecret(section.signAnswers)).reveal()),
    );
    // It lives where the gateway runs: whoever steals it there must not be able to write the law.
    if (keys.some((key) => keyId(key) === answerKey))
      throw new Error(
        "constitution.signAnswers is a key that may sign packs: make one for answers alone, with portcullis pack keygen",
      );
  }
  return {
    files: {
      signature: at(section.signature.path),
      ...(section.rules && { yaml: at(section.rules.path) }),
    },
    trust: { form: section.form, keys, threshold: section.threshold },
    acknowledged: section.acknowledge,
    stateFile: at(section.state),
    keyTexts,
  };
}

/** PEM as it is, or in base64 as `POLICY_PUBKEY_PEM_B64` has it. */
function keyOf(text: string): KeyObject {
  return text.includes("-----BEGIN") ? readPublicKey(text) : readPublicKeyBase64(text);
}
