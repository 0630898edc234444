/** SIGHUP to a gateway process under load: what every service manager sends when its files have changed. */
import { expect, test } from "vitest";
import { createSigningKeyPem } from "../../src/ledger/signing-key.ts";
import { Command } from "../cli/command.ts";
import { configurationFolder } from "../cli/configuration-folder.ts";
import { baseConfiguration, layOver } from "../support/gateway-configuration.ts";
import { PREDICTION, startRecordingUpstream } from "../support/recording-upstream.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";
import { SteadyLoad } from "./steady-load.ts";

const HEADERS = ["X-Quota-A", "X-Quota-B"] as const;

test("each SIGHUP under load takes the new configuration, and no request is lost", async () => {
  const upstream = await startRecordingUpstream();
  const issuer = createTokenIssuer();
  const settingsOf = (header: string) =>
    layOver(baseConfiguration(upstream.origin, ["plain"]), {
      limits: { header },
      telemetry: { log: { destination: "stdout" } },
    });
  const folder = configurationFolder({
    "portcullis.yaml": settingsOf(HEADERS[0]),
    "jwks.json": issuer.jwks,
    "ledger.key": createSigningKeyPem(),
  });
  const gateway = new Command(["run", "--config", folder.configPath]);
  const origin = `http://127.0.0.1:${await gateway.portOf("plain")}`;
  let seen = "";
  const load = new SteadyLoad({
    lanes: Array.from({ length: 4 }, () => ({ origin, transport: "http/1.1" as const })),
    request: () => ({
      path: "/churn/v2/predict",
      headers: { authorization: `Bearer ${issuer.mint()}`, "content-type": "application/json" },
      body: "{}",
    }),
    fault: ({ status, headers, text }) => {
      const shown = HEADERS.filter(
        (header) => headers[`${header.toLowerCase()}-limit`] !== undefined,
      );
      seen = shown.join();
      return status === 200 && shown.length === 1 && text === PREDICTION
        ? undefined
        : `${status} ${text}`;
    },
  });
  for (let i = 1; i <= 10; i++) {
    const header = HEADERS[i % 2] as string;
    folder.write("portcullis.yaml", settingsOf(header));
    gateway.signal("SIGHUP");
    await until(`${header} is shown`, () => seen === header, 5_000);
  }
  await load.stop();
  expect(load.faults).toEqual([]);
  gateway.signal("SIGTERM");
  expect((await gateway.finished()).code).toBe(0);
  const taken = gateway.lines().filter(({ msg }) => msg === "configuration taken");
  expect(taken.length).toBeGreaterThanOrEqual(10);
  await upstream.close();
});
