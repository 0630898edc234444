/** Portcullis under a constitution of nine bits, alone and with a candidate in shadow beside it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPackKey, readPrivateKey } from "../src/packs/sign/keys.ts";
import { signPackJson } from "../src/packs/sign/pack-json.ts";

/** The section, to be added to a configuration. */
export const CONSTITUTION = `constitution: { form: pack_json, signature: "file:pack.json", rules: "file:policy.yaml", keys: ["file:pack.pem"] }
`;

const rules = (reason: string): string => `version: "tdln-chip/0.3"
policies:
  - { id: Is_Person, logic: "context.auth.method IN ['jwt', 'mtls']" }
  - { id: Is_Tenant, logic: "context.tenant == 'retail' OR context.tenant == 'private'" }
  - { id: May_Predict, logic: "'predict:churn' IN context.scopes" }
  - { id: Is_Served, logic: "context.req.model == 'churn' AND context.req.version IN ['v1', 'v2']" }
  - { id: Within_Limits, logic: "context.rate.ok == true" }
  - { id: Is_Admin_Path, logic: "context.req.path STARTS_WITH '/admin/'" }
  - { id: Is_Operations, logic: "'operations' IN context.user.groups" }
  - { id: Is_Post, logic: "context.req.method == 'POST'" }
  - { id: Is_Emergency, logic: "system.panic_mode == true" }
wiring:
  - { id: Caller, structure: { sequence: [Is_Person, Is_Tenant, May_Predict] } }
  - { id: Admin, structure: { sequence: [Caller, Is_Admin_Path, Is_Operations] } }
  - { id: Predict, structure: { sequence: [Caller, Is_Served, Is_Post] } }
  - { id: Emergency, structure: { sequence: [Is_Person, Is_Emergency] } }
outputs:
  - deny_rate_limit: { trigger: NOT(Within_Limits), action: "HTTP 429 + LogLine(reason: ${reason})" }
  - allow_admin: { trigger: Admin, action: "HTTP 200" }
  - allow_predict: { trigger: Predict, action: "HTTP 200" }
  - allow_emergency: { trigger: Emergency, action: "HTTP 200" }
`;

/** Writes the active pack, its key, and a candidate whose bytes differ. */
export function prepareConstitution(folder: string): void {
  const { privatePem, publicPem } = createPackKey();
  const key = readPrivateKey(privatePem);
  writeFileSync(join(folder, "pack.pem"), publicPem);
  for (const [stage, reason] of [
    ["", "rate_limit"],
    [".next", "rate"],
  ] as const) {
    const yaml = rules(reason);
    writeFileSync(join(folder, `policy${stage}.yaml`), yaml);
    writeFileSync(
      join(folder, `pack${stage}.json`),
      signPackJson({
        bytes: Buffer.from(yaml),
        id: "bench",
        version: reason,
        key,
        createdAtMs: Date.now(),
      }),
    );
  }
}

/** Has the gateway that logs into this folder load the candidate into shadow. */
export async function loadCandidate(folder: string): Promise<void> {
  const line = readFileSync(join(folder, "access.log"), "utf8")
    .split("\n")
    .find((text) => text.includes('"listening"') && text.includes('"operator"'));
  const { port } = JSON.parse(line ?? "{}") as { port: number };
  const answer = await fetch(`http://127.0.0.1:${port}/_reload?stage=next`, { method: "POST" });
  if (!answer.ok) throw new Error(`the candidate was not taken: ${await answer.text()}`);
}
