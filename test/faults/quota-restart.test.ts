/** A whole gateway with the embedded store: what was used of a quota stays used, however the process ended. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { changedFixedSettings } from "../../src/cli/fixed-settings.ts";
import { rootSchema } from "../../src/gateway/schema.ts";
import { call } from "../support/calling.ts";
import { baseConfiguration, layOver } from "../support/gateway-configuration.ts";
import { startGatewayProcess, type GatewayProcess } from "../support/gateway-process.ts";
import { startRecordingUpstream } from "../support/recording-upstream.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

const QUOTA = 20;
const USED = 12;
/** Two processes start on a busy machine. */
const TEST_LIMIT_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), "portcullis-restart-"));
const upstream = await startRecordingUpstream();
const issuer = createTokenIssuer();
writeFileSync(join(folder, "jwks.json"), issuer.jwks);
const settings = layOver(baseConfiguration(upstream.origin, ["plain"]), {
  ledger: undefined,
  limits: { default: { quota: { month: QUOTA } } },
});
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** How many of so many calls pass. */
async function admitted({ origin }: GatewayProcess, calls: number): Promise<number> {
  const headers = {
    authorization: `Bearer ${issuer.mint()}`,
    "content-type": "application/json",
  };
  let count = 0;
  for (let at = 0; at < calls; at++) {
    const request = { method: "POST", path: "/churn/v2/predict", headers, body: "{}" };
    const { status } = await call({ origin, transport: "http/1.1" }, request);
    expect([200, 429]).toContain(status);
    if (status === 200) count++;
  }
  return count;
}

describe.each(["SIGKILL", "SIGTERM"] as const)("after %s", (signal) => {
  test("a quota goes on where it was", { timeout: TEST_LIMIT_MS }, async () => {
    const store = { store: { path: `${signal}.db` } };
    const start = (): Promise<GatewayProcess> =>
      startGatewayProcess({ folder, name: signal, settings: layOver(settings, store) });
    const first = await start();
    expect(await admitted(first, USED)).toBe(USED);
    await first.kill(signal);
    const second = await start();
    const rest = await admitted(second, QUOTA);
    await second.kill();
    // In so small a quota a crash may cost one request, and nobody ever has one more.
    expect(rest).toBeLessThanOrEqual(QUOTA - USED);
    expect(rest).toBeGreaterThanOrEqual(QUOTA - USED - (signal === "SIGKILL" ? 1 : 0));
  });
});

test("a first quota of an hour or longer is said to wait for the next start", () => {
  const before = rootSchema.parse(layOver(settings, { limits: { default: { quota: undefined } } }));
  const after = rootSchema.parse(settings);
  expect(changedFixedSettings(before, after)).toEqual(["the first quota of an hour or longer"]);
  expect(changedFixedSettings(after, after)).toEqual([]);
});
