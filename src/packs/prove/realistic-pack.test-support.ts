/** A pack as a platform team would have it after a few years: rules for clients, paths, groups, models and tenants, wires over them. */
import { packFrom } from "./pack-text.test-support.ts";
import type { Pack } from "../pack.ts";

/** Of each kind, the rule with a number of its own. */
const KINDS: readonly ((at: number) => string)[] = [
  (at) => `context.client_id == 'client-${at}'`,
  (at) => `context.req.path STARTS_WITH '/team${at % 40}/service${at}/'`,
  (at) => `'group-${at}' IN context.user.groups`,
  (at) =>
    `context.req.model == 'model-${at % 60}' AND context.req.version IN ['v${at % 9}','v${at % 7}']`,
  (at) => `context.tenant == 'tenant-${at % 50}' AND context.scopes CONTAINS 'predict:${at}'`,
  (at) => `context.req.method IN ['GET','HEAD'] AND context.req.path ENDS_WITH '/kind${at % 30}'`,
  (at) =>
    `(context.origin == 'https://a${at}.example' OR context.client_id IN ['c${at}','d${at}']) AND NOT ('banned-${at % 20}' IN context.user.groups)`,
];

const COMMON = {
  P_Tls: "context.transport.tls_version >= 1.3",
  P_Cert: "context.mtls.verified == true AND context.mtls.issuer IN ['Edge CA', 'Local CA']",
  P_User: "context.auth.method IN ['passkey', 'webauthn'] AND context.auth.rp_id == 'app.example'",
  P_Rate: "context.rate.ok == true",
  P_Hook: "context.webhook.verified == true",
  P_Legacy: "context.legacy_jwt.valid == true AND now() < context.legacy_jwt.expires_at",
};

/** With so many bits, half as many wires, and an output for every fourth bit. */
export function realisticPack(bitCount: number): Pack {
  const bits: Record<string, string> = { ...COMMON };
  const names: string[] = [];
  for (let at = 0; names.length + Object.keys(COMMON).length < bitCount; at++) {
    names.push(`P_${at}`);
    bits[`P_${at}`] = (KINDS[at % KINDS.length] as (at: number) => string)(at);
  }
  const wires: Record<string, string> = { W_Known: "sequence: [P_Tls, P_Cert, P_User]" };
  const outputs: Record<string, string> = { deny_rate_limit: "NOT(P_Rate)" };
  const name = (at: number): string => names[at % names.length] as string;
  for (let at = 0; at < bitCount / 4; at++) {
    const first = at * 5;
    wires[`W_Any${at}`] =
      `parallel: { policies: [${name(first)}, ${name(first + 1)}, ${name(first + 2)}], aggregator: ANY }`;
    wires[`W_Use${at}`] = `sequence: [W_Known, W_Any${at}, ${name(first + 3)}]`;
    wires[`W_Block${at}`] = `sequence: [${name(first + 4)}, ${name(first + 1)}]`;
    if (at % 4 === 3) outputs[`deny_block_${at}`] = `W_Block${at}`;
    outputs[`allow_use_${at}`] = `W_Use${at}`;
  }
  outputs["allow_hook"] = "P_Hook";
  outputs["allow_legacy"] = "P_Legacy";
  outputs["deny_rest"] = "NOT(W_Known)";
  return packFrom({ bits, wires, outputs });
}
