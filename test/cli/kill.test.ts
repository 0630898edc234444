import { describe, expect, test, vi } from "vitest";
import { SYSTEM_CLOCK } from "../../src/pipeline/stage.ts";
import { openEmbeddedKillSwitches } from "../../src/stores/kill/embedded-kill-switches.ts";
import type { KillView } from "../../src/admin/kill-pages.ts";
import type { KillSwitch } from "../../src/stores/kill/kill-switch-store.ts";
import { runCommand, type Finished } from "./command.ts";
import { configurationFolder } from "./configuration-folder.ts";

const CONFIGURATION = {
  version: 1,
  listeners: [{ bind: "127.0.0.1:0" }],
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
  models: { churn: { versions: { v1: { upstream: "model" }, v2: { upstream: "model" } } } },
  store: { path: "state.db" },
};
/** Each starts several processes. */
vi.setConfig({ testTimeout: 120_000 });

const REASON = ["--reason", "wrong scores"];
const V2 = ["--model", "churn", "--version", "v2"];

function switches() {
  const folder = configurationFolder({ "portcullis.yaml": CONFIGURATION });
  const run = (...args: string[]): Promise<Finished> =>
    runCommand(["kill", ...args, "--config", folder.configPath]);
  const list = async (): Promise<KillView[]> =>
    JSON.parse((await run("list", "--json")).stdout) as KillView[];
  /** As the next process to open the file has them. */
  const stored = (): readonly KillSwitch[] => {
    const store = openEmbeddedKillSwitches({
      path: folder.at("state.db"),
      clock: SYSTEM_CLOCK,
      isWatching: false,
    });
    try {
      return store.active;
    } finally {
      store.close();
    }
  };
  return { folder, run, list, stored };
}

describe("portcullis kill", () => {
  test("on, list and off: what is on is on disk when the command ends", async () => {
    const { run, list } = switches();
    const on = await run("on", ...V2, ...REASON, "--by", "ana", "--route-to", "v1", "--json");
    const made = JSON.parse(on.stdout) as KillView & { readonly warnings: readonly string[] };
    expect(on).toMatchObject({ code: 0, stderr: "" });
    expect(made).toEqual({
      id: made.id,
      scope: { model: "churn", version: "v2" },
      reason: "wrong scores",
      author: "ana",
      created: made.created,
      expires: null,
      route_to: "v1",
      warnings: [],
    });
    const { warnings: _, ...view } = made;
    expect(await list()).toEqual([view]);
    const shown = (await run("list")).stdout.split("\n");
    expect(shown[0]).toMatch(/^id +shut +until +by +since +reason$/);
    expect(shown[1]).toMatch(
      new RegExp(
        `^${made.id} +model churn, version v2 -> v1 +taken off +ana +\\S+Z +wrong scores$`,
      ),
    );
    expect(await run("off", made.id)).toEqual({ code: 0, stdout: `off ${made.id}\n`, stderr: "" });
    expect(await run("list")).toEqual({ code: 0, stdout: "no kill switches\n", stderr: "" });
  });

  test("the author is the system's user, and a time to end is taken both ways", async () => {
    const { run, list } = switches();
    expect((await run("on", "--tenant", "retail", ...REASON, "--for", "1h")).code).toBe(0);
    expect((await run("on", "--key", "k1", ...REASON, "--until", "2999-01-01")).code).toBe(0);
    const [first, second] = await list();
    expect(first?.author).not.toBe("");
    const hourMs = Date.parse(first?.expires ?? "") - Date.parse(first?.created ?? "");
    expect(Math.abs(hourMs - 3_600_000)).toBeLessThan(60_000);
    expect(second?.expires).toBe("2999-01-01T00:00:00.000Z");
  });

  test.each<[string, string[], RegExp]>([
    ["a model", ["--model", "churm"], /no model "churm"/],
    ["a version", ["--model", "churn", "--version", "v7"], /model churn has no version "v7"/],
    ["a route", ["--route", "churn.v2.predikt"], /no route "churn.v2.predikt"/],
    ["a provider", ["--provider", "modell"], /no upstream "modell"/],
    ["a policy", ["--policy", "7"], /no constitution/],
    ["another version", [...V2, "--route-to", "v7"], /v7 has no route that stands for churn.v2/],
  ])("%s that the configuration does not have is taken with a warning", async (_, what, text) => {
    const { run, stored } = switches();
    const { code, stderr } = await run("on", ...what, ...REASON);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: /);
    expect(stderr).toMatch(text);
    expect(stored()).toHaveLength(1);
  });

  test.each<[string[], RegExp]>([
    [["on", ...REASON], /at least one of/],
    [["on", "--version", "v2", ...REASON], /name the model/],
    [["on", ...V2, "--reason", " "], /reason is empty/],
    [["on", ...V2], /--reason/],
    [["on", ...V2, ...REASON, "--for", "soon"], /soon|duration/],
    [["on", ...V2, ...REASON, "--until", "2026-02-30"], /Write a time/],
    [["on", ...V2, ...REASON, "--until", "2001-01-01"], /past/],
    [["on", ...V2, ...REASON, "--for", "1h", "--until", "2999-01-01"], /not both/],
    [["on", ...V2, ...REASON, "--tenant", "a", "--route-to", "v1"], /nothing else/],
    [["off", "nothing1"], /no kill switch "nothing1"/],
  ])("%j is refused in a sentence, with exit code 1", async (args, message) => {
    const { run, stored } = switches();
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.split("\n")[0]).toMatch(message);
    expect(stderr).not.toContain("    at ");
    expect(stored()).toEqual([]);
  });

  test("works on a store's file without a configuration", async () => {
    const folder = configurationFolder({});
    const run = (...args: string[]): Promise<Finished> =>
      runCommand(["kill", ...args, "--store", folder.at("other.db")], { cwd: folder.directory });
    expect((await run("on", "--caller", "batch", ...REASON)).code).toBe(0);
    expect((await run("list")).stdout).toContain("caller batch");
  });

  test.each<[string, string[]]>([
    ["a gateway that is not there", ["list", "--operator", "http://127.0.0.1:1"]],
    ["a configuration that is not there", ["list", "--config", "/nonexistent/portcullis.yaml"]],
    ["a store that is no database", ["list", "--store", "/dev/null/x"]],
  ])("%s: nothing can be said, exit code 2", async (_, args) => {
    const { code, stdout, stderr } = await runCommand(["kill", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).not.toContain("    at ");
  });
});
