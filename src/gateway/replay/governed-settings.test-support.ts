/** Traffic settings with a constitution laid over: any rules, signed, in the files of the world's folder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { layOver, type Settings } from "../../../test/support/gateway-configuration.ts";
import { loadPack } from "../../packs/life/loaded-pack.ts";
import { nameOfFinding } from "../../packs/prove/lint-finding.ts";
import { createPackKey, readPrivateKey, readPublicKey } from "../../packs/sign/keys.ts";
import { signPackJson } from "../../packs/sign/pack-json.ts";
import type { TrafficWorld } from "./replay-traffic.test-support.ts";

const KEY = createPackKey();
const TRUST = { form: "pack_json", keys: [readPublicKey(KEY.publicPem)], threshold: 1 } as const;

/** One pack at a time lies in the folder; what is grave about it is acknowledged. */
export function governedBy(rules: string, world: TrafficWorld, over: Settings): Settings {
  const bytes = Buffer.from(rules);
  const nowMs = Date.now();
  const key = readPrivateKey(KEY.privatePem);
  const signature = signPackJson({ bytes, id: "p", version: "1", key, createdAtMs: nowMs });
  const source = { signature: Buffer.from(signature), yaml: bytes };
  const { loaded } = loadPack(source, {}, { trust: TRUST, acknowledged: undefined, nowMs });
  const grave = loaded.findings.filter(({ severity }) => severity === "grave");
  const write = (name: string, data: string | Uint8Array): void =>
    writeFileSync(join(world.folder, name), data, { mode: 0o600 });
  write("policy.yaml", bytes);
  write("pack.json", signature);
  write("pack.pub", KEY.publicPem);
  return layOver(over, {
    constitution: {
      signature: "file:pack.json",
      rules: "file:policy.yaml",
      form: "pack_json",
      keys: ["file:pack.pub"],
      acknowledge: grave.map(nameOfFinding),
    },
  });
}
