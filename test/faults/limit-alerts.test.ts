/** The alert rules for limits: sound, tested by their own cases, and about metrics that there are. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { telemetrySchema } from "../../src/telemetry/config.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const FOLDER = join(import.meta.dirname, "../../deploy/prometheus");
const RULES = readFileSync(join(FOLDER, "limits.rules.yaml"), "utf8");
const CASES = readFileSync(join(FOLDER, "limits.rules.test.yaml"), "utf8");

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
if (!hasPromtool) console.warn("SKIPPED: promtool is not installed; alert rules are not tested");

const promtool = (...args: string[]) =>
  spawnSync("promtool", args, { cwd: FOLDER, encoding: "utf8" });

describe("the alert rules for limits", () => {
  test.skipIf(!hasPromtool)("are sound", () => {
    const { status, stdout, stderr } = promtool("check", "rules", "limits.rules.yaml");
    expect({ status, said: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
  });

  test.skipIf(!hasPromtool)("fire when they should, and not on an ordinary day", () => {
    const { status, stdout, stderr } = promtool("test", "rules", "limits.rules.test.yaml");
    expect({ status, said: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
  });

  test("have a case each", () => {
    const { groups } = parse(RULES) as { groups: { rules: { alert: string }[] }[] };
    const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    const fired = (parse(CASES) as RuleCases).tests.flatMap(({ alert_rule_test }) =>
      alert_rule_test.flatMap(({ alertname, exp_alerts }) =>
        exp_alerts.length > 0 ? [alertname] : [],
      ),
    );
    expect(alerts.length).toBeGreaterThan(5);
    expect(alerts.filter((alert) => !fired.includes(alert))).toEqual([]);
  });

  test("speak of metrics of limits that the gateway has", () => {
    const metrics = createMetrics(telemetrySchema.parse({}).metrics, { version: "0" });
    const exposed = metrics.expose();
    metrics.close();
    const named = new Set(RULES.match(/portcullis_(?:limits|requests)_[a-z_]+/g));
    // Fed by the store's own part of the gateway.
    named.delete("portcullis_limits_degraded_seconds_total");
    expect(named.size).toBeGreaterThan(4);
    for (const name of named) expect(exposed).toContain(`# TYPE ${name} `);
  });
});

interface RuleCases {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}
