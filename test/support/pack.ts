/** A constitution for tests, in this project's own words, and its signature by a key of the test's own. */
import { readPrivateKey, createPackKey } from "../../src/packs/sign/keys.ts";
import { signPackJson } from "../../src/packs/sign/pack-json.ts";
import { packHash } from "../../src/packs/sign/pack-hash.ts";

const KEYS = createPackKey();

export const PACK_PUBLIC_PEM: string = KEYS.publicPem;
export const PACK_PRIVATE_PEM: string = KEYS.privatePem;

/** The second version also refuses whoever is in the group `interns`. */
export function packYaml(version: 1 | 2): string {
  const strict = `
  - deny_interns:
      trigger: Is_Intern
      action: "HTTP 403 + LogLine(reason: intern)"`;
  return `version: "tdln-chip/0.3"
policies:
  - id: Is_Known
    logic: "context.auth.method IN ['jwt', 'api_key', 'mtls']"
  - id: Within_Limits
    logic: "context.rate.ok == true"
  - id: Is_Newest_Model
    logic: "context.req.version == 'v2'"
  - id: Is_Intern
    logic: "'interns' IN context.user.groups"
  - id: Is_Operations
    logic: "'operations' IN context.user.groups"
  - id: Is_Emergency
    logic: "system.panic_mode == true"
wiring:
  - id: Newest_For_Known
    structure:
      sequence: [Is_Known, Is_Newest_Model]
  - id: Anything_For_Operations
    structure:
      sequence: [Is_Known, Is_Operations]
  - id: Anything_In_Emergency
    structure:
      sequence: [Is_Known, Is_Emergency]
outputs:
  - deny_rate_limit:
      trigger: NOT(Within_Limits)
      action: "HTTP 429 + LogLine(reason: rate_limit)"${version === 2 ? strict : ""}
  - allow_newest:
      trigger: Newest_For_Known
      action: "HTTP 200 + Predict"
  - allow_operations:
      trigger: Anything_For_Operations
      action: "HTTP 200 + Predict"
  - allow_emergency:
      trigger: Anything_In_Emergency
      action: "HTTP 200 + Predict"
`;
}

export interface SignedPack {
  readonly yaml: string;
  /** The text of pack.json. */
  readonly signature: string;
  readonly blake3: string;
}

export function signedPack(yaml: string, version: string): SignedPack {
  const bytes = Buffer.from(yaml);
  const key = readPrivateKey(KEYS.privatePem);
  const signature = signPackJson({ bytes, id: "churn-access", version, key, createdAtMs: 0 });
  return { yaml, signature, blake3: packHash(bytes) };
}
