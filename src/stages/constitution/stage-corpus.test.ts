/** The real packs of the corpus, unchanged, deciding about requests as the gateway knows them. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ANONYMOUS, identityOf, NOON_MS, peerOf } from "../../../test/support/context.ts";
import { rejection } from "../../pipeline/rejection.ts";
import { headerValue } from "../../pipeline/response.ts";
import { keptPack, servingOf } from "./packs.test-support.ts";
import { runsOf, type RunScript } from "./stage-runs.test-support.ts";

const folder = resolve(
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../../shared/corpora"),
  "constitution",
);
const isThere = existsSync(resolve(folder, "ubl_core_v3.yaml"));
if (!isThere) console.warn(`SKIPPED: the real packs are not at ${folder}`);

const device = peerOf({
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  certificate: {
    verified: true,
    subject: "CN=device-7",
    issuer: "O=UBL, CN=UBL Local CA",
    serial: "1",
    subjectAltNames: [],
    thumbprintSha256: "t",
    chain: [],
    expiresAtMs: NOON_MS + 1_000_000,
  },
});
const passkey = { authMethod: "access-passkey", rpId: "app.ubl.agency" };
const user = identityOf(passkey);
const operator = identityOf({ ...passkey, groups: ["ubl-ops"] });
const within = { limits: { states: [] } };
const beyond = {
  limits: { states: [], refusal: rejection("limits.bucket_empty", { retryAfterSeconds: 9 }) },
};

describe.skipIf(!isThere)("the real packs", () => {
  const decided = async (file: string, script: Omit<RunScript, "packs">, path = "/files/a") => {
    const packs = servingOf(keptPack(readFileSync(resolve(folder, file))));
    const { call } = await runsOf({ packs, route: { template: "/**" }, ...script });
    return call({ peer: device, path });
  };

  interface Row {
    readonly name: string;
    readonly file: "ubl_core_v1.yaml" | "ubl_core_v3.yaml";
    readonly script: Omit<RunScript, "packs">;
    readonly path?: string;
    readonly output: string;
    readonly bitFailed?: string;
    readonly code: string;
  }
  const rows: readonly Row[] = [
    {
      name: "a user with a passkey on a known device",
      file: "ubl_core_v1.yaml",
      script: { identity: user },
      output: "allow_standard_access",
      code: "ok",
    },
    {
      name: "an operator where operators work",
      file: "ubl_core_v1.yaml",
      script: { identity: operator },
      path: "/admin/ping",
      output: "allow_admin_write",
      code: "ok",
    },
    {
      name: "nobody",
      file: "ubl_core_v1.yaml",
      script: { identity: ANONYMOUS },
      output: "deny_invalid_access",
      bitFailed: "P_User_Passkey",
      code: "constitution.denied",
    },
    {
      name: "a token without a passkey behind it",
      file: "ubl_core_v1.yaml",
      script: { identity: identityOf() },
      output: "deny_invalid_access",
      bitFailed: "P_User_Passkey",
      code: "constitution.denied",
    },
    {
      name: "a user within the limits",
      file: "ubl_core_v3.yaml",
      script: { identity: user, facts: within },
      output: "allow_standard_access",
      code: "ok",
    },
    {
      name: "an operator within the limits",
      file: "ubl_core_v3.yaml",
      script: { identity: operator, facts: within },
      path: "/admin/ping",
      output: "allow_admin_write",
      code: "ok",
    },
    {
      name: "a user beyond the limits",
      file: "ubl_core_v3.yaml",
      script: { identity: user, facts: beyond },
      output: "deny_rate_limit",
      bitFailed: "P_Rate_Bucket_OK",
      code: "constitution.rate_limited",
    },
    {
      name: "a user whose limits nobody judged",
      file: "ubl_core_v3.yaml",
      script: { identity: user },
      output: "deny_rate_limit",
      bitFailed: "P_Rate_Bucket_OK",
      code: "constitution.rate_limited",
    },
    {
      name: "anybody, through the empty wire",
      file: "ubl_core_v3.yaml",
      script: { identity: ANONYMOUS, facts: within },
      output: "allow_public_warmup",
      code: "ok",
    },
  ];

  test.each(rows)("$file: $name", async ({ file, script, path, output, bitFailed, code }) => {
    const { outcome, governed, isForwarded, answer } = await decided(file, script, path);
    expect({ output: governed?.output, code: outcome.code }).toEqual({ output, code });
    expect(governed?.bitFailed).toBe(bitFailed);
    expect(isForwarded).toBe(code === "ok");
    if (script.facts === beyond) expect(headerValue(answer.headers, "retry-after")).toBe("9");
  });
});
