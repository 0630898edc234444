/** Signed packs for tests of the stage: made, signed, verified and compiled as for any gateway. */
import { loadPack, type KeptPack } from "../../packs/life/loaded-pack.ts";
import { Serving, type Candidate } from "../../packs/life/serving.ts";
import { createPackKey, readPrivateKey, readPublicKey } from "../../packs/sign/keys.ts";
import { signPackJson } from "../../packs/sign/pack-json.ts";
import { NOON_MS } from "../../../test/support/context.ts";
import type { Packs } from "./stage.ts";

const KEY = createPackKey();

/** A pack of these rules, whatever lint says of them. */
export function keptPack(rules: string | Uint8Array, version = "1"): KeptPack {
  const yaml = Buffer.from(rules);
  const signature = Buffer.from(
    signPackJson({
      bytes: yaml,
      id: "test-pack",
      version,
      key: readPrivateKey(KEY.privatePem),
      createdAtMs: NOON_MS,
    }),
  );
  const trust = { form: "pack_json", keys: [readPublicKey(KEY.publicPem)], threshold: 1 } as const;
  return loadPack({ signature, yaml }, {}, { trust, acknowledged: undefined, nowMs: NOON_MS });
}

/** The packs as they serve. */
export function servingOf(active: KeptPack, candidate?: Candidate): Packs {
  const serving = new Serving(active, candidate);
  const loaded = [active, ...(candidate ? [candidate.kept] : [])].map((kept) => kept.loaded);
  return {
    decide: (...asked) => serving.decide(...asked),
    reads: (field) => loaded.some(({ evaluator }) => evaluator.readsField(field)),
  };
}

/** A bit, a wire of it and an output for each row; outputs in order. */
export function rulesOf(
  rows: readonly (readonly [output: string, logic: string, action?: string])[],
  release = "",
): string {
  const bits = rows.map(
    ([output, logic]) =>
      `  - id: P_${output}\n    description: d\n    logic: ${JSON.stringify(logic)}\n`,
  );
  const wires = rows.map(
    ([output]) => `  - id: W_${output}\n    structure:\n      sequence: [P_${output}]\n`,
  );
  const outputs = rows.map(
    ([output, , action]) =>
      `  - ${output}:\n      trigger: W_${output}\n      action: "${action ?? (output.startsWith("allow") ? "HTTP 200" : "HTTP 403")}"\n`,
  );
  return `version: "tdln-chip/0.3"\n${release}policies:\n${bits.join("")}wiring:\n${wires.join("")}outputs:\n${outputs.join("")}`;
}
