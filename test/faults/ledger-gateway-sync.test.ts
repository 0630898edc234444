/**
 * A disk that takes writes and does not confirm them, made by strace under a running gateway: with `strict` nobody is
 * called without a record, with `group` nobody is answered without one.
 */
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSigningKeyPem } from "../../src/ledger/signing-key.ts";
import { Command } from "../cli/command.ts";
import { configurationFolder } from "../cli/configuration-folder.ts";
import { call, type Answer } from "../support/calling.ts";
import { baseConfiguration, layOver } from "../support/gateway-configuration.ts";
import { GatewayRecord } from "../support/gateway-record.ts";
import { startRecordingUpstream, type RecordingUpstream } from "../support/recording-upstream.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

const STRACE = "/usr/bin/strace";
const mayTrace = process.platform === "linux" && existsSync(STRACE);
if (!mayTrace)
  console.warn(`SKIPPED: errors of fdatasync are injected by ${STRACE}, which is not here`);

const REQUESTS = 40;
const TEST_LIMIT_MS = 120_000;
/** Every third sync fails, after the start has had its own. */
const UNDER =
  `${STRACE} -f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:error=EIO:when=5+3`.split(
    " ",
  );

const issuer = createTokenIssuer();
let upstream: RecordingUpstream;
beforeEach(async () => {
  upstream = await startRecordingUpstream();
});
afterEach(() => upstream.close());

describe.skipIf(!mayTrace)("syncs that fail", () => {
  test.each(["strict", "group"])(
    "%s: what was called, or answered, is on record; the rest was told 503",
    { timeout: TEST_LIMIT_MS },
    async (durability) => {
      const folder = configurationFolder({
        "portcullis.yaml": layOver(baseConfiguration(upstream.origin, ["plain"]), {
          ledger: { durability },
          telemetry: { log: { destination: "stdout" } },
        }),
        "jwks.json": issuer.jwks,
        "ledger.key": createSigningKeyPem(),
      });
      const gateway = new Command(["run", "--config", folder.configPath], { under: UNDER });
      const origin = `http://127.0.0.1:${await gateway.portOf("plain")}`;
      const answers: Answer[] = [];
      for (let i = 0; i < REQUESTS; i++) {
        const headers = {
          authorization: `Bearer ${issuer.mint()}`,
          "content-type": "application/json",
          "x-request-id": `request-${durability}-${i}`,
        };
        answers.push(
          await call(
            { origin, transport: "http/1.1" },
            { path: "/churn/v2/predict", headers, body: "{}" },
          ),
        );
      }
      const statuses = new Set(answers.map(({ status }) => status));
      expect(statuses).toEqual(new Set([200, 503]));
      const record = new GatewayRecord(folder.at("ledger"));
      const decided = new Set(record.lines().map((line) => line.request_id));
      const ended = new Set(record.lines().map((line) => line.of));
      for (const { status, requestId } of answers) {
        if (status !== 200) continue;
        expect(decided).toContain(requestId);
        if (durability === "strict") expect(ended).toContain(requestId);
      }
      if (durability === "strict")
        for (const { headers } of upstream.received)
          expect(decided).toContain(headers[headers.indexOf("x-request-id") + 1]);
      await record.verify();
    },
  );
});
