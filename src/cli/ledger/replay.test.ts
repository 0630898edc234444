import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand, type Finished } from "../../../test/cli/command.ts";
import {
  createTrafficWorld,
  record,
  trafficOf,
  type TrafficWorld,
} from "../../gateway/replay/replay-traffic.test-support.ts";
import { createSigningKeyPem, readSigningKey } from "../../ledger/signing-key.ts";
import { EMPTY_STATE, Stream } from "../../ledger/stream.ts";

const REQUESTS = 500;

let world: TrafficWorld;
let ledger: string;
let config: string;

beforeAll(async () => {
  world = createTrafficWorld();
  const recorded = await record(world, await world.read(), trafficOf(world, REQUESTS));
  config = join(world.folder, "portcullis.yaml");
  ledger = mkdtempSync(join(tmpdir(), "portcullis-replay-cli-"));
  let nowUs = Date.UTC(2026, 10, 22, 12) * 1_000;
  const stream = new Stream(EMPTY_STATE(), {
    key: readSigningKey(createSigningKeyPem(), "test.example/replay"),
    sign: "checkpoint",
    nowUs: () => (nowUs += 1_000_000),
  });
  const reload = stream.seal('"kind":"reload","result":"taken"');
  const lines = recorded.map(({ members }) => stream.seal(members));
  writeFileSync(join(ledger, "00000000.ndjson"), Buffer.concat([reload, ...lines]));
});

afterAll(() => {
  world.close();
  rmSync(ledger, { recursive: true, force: true });
});

const replay = (...args: readonly string[]): Promise<Finished> =>
  runCommand(["ledger", "replay", ...args]);

const REVOKED = { models: { churn: { versions: { v1: { status: "revoked" } } } } };

describe("portcullis ledger replay", () => {
  test("agrees with the configuration that decided, and exits with 0", async () => {
    await world.read();
    expect(await replay(ledger, "--config", config)).toEqual({
      code: 0,
      stdout: "500 of 500 agree\n0 of 500 would change\n",
      stderr: "",
    });
  });

  test("shows each request that would end otherwise, and exits with 1", async () => {
    await world.read(REVOKED);
    const { code, stdout, stderr } = await replay(ledger, "--config", config, "--all");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const [header, ...rows] = stdout.trimEnd().split("\n");
    const [agree, summary] = rows.splice(-2);
    expect(header).toMatch(/^ +SEQ  REQUEST +CALLER +ROUTE +STAGE +WAS -> WOULD BE$/);
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows)
      expect(row).toMatch(
        /^ *\d+  r-1-\d+ +\S+ +churn\.v1\.\w+ +kill-switch +.+ -> deny at kill-switch \(kill-switch\.version_revoked\)$/,
      );
    expect(agree).toBe(`${500 - rows.length} of 500 agree`);
    expect(summary).toBe(`${rows.length} of 500 would change`);
  });

  test("counts what it does not show", async () => {
    await world.read(REVOKED);
    const { stdout } = await replay(ledger, "--config", config, "--limit", "3");
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(7);
    expect(lines[4]).toMatch(/^\.\.\. and \d+ more; --all shows them$/);
  });

  test("prints JSON, one object a line, the summary last", async () => {
    await world.read(REVOKED);
    const { code, stdout } = await replay(ledger, "--config", config, "--json", "--all");
    expect(code).toBe(1);
    const objects = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const summary = objects.pop();
    expect(summary).toEqual({
      compared: 500,
      agreed: 500 - objects.length,
      changed: objects.length,
      other_grant: 0,
      caller_hashed: 0,
      summary: `${objects.length} of 500 would change`,
    });
    expect(Object.keys(objects[0] ?? {}).sort((a, b) => (a < b ? -1 : 1))).toEqual(
      ["caller", "kind", "request_id", "route", "seq", "stage", "ts", "was", "would_be"].filter(
        (name) => name in (objects[0] ?? {}),
      ),
    );
    expect(objects[0]).toMatchObject({ kind: "decision", stage: "kill-switch" });
  });

  test.each([
    [
      "a day and a moment",
      ["--since", "2026-11-22", "--until", "2026-11-22T12:01:42Z"],
      "100 of 100",
    ],
    ["an offset", ["--until", "2026-11-22T13:00:12+01:00"], "10 of 10"],
    ["so long ago", ["--since", "3650d"], "500 of 500"],
  ])("takes a range of time: %s", async (_name, range, agree) => {
    await world.read();
    const { code, stdout } = await replay(ledger, "--config", config, ...range);
    expect(stdout).toContain(`${agree} agree\n`);
    expect(code).toBe(0);
  });

  test.each<[string, () => string[], RegExp]>([
    [
      "there is no ledger",
      () => ["/nowhere", "--config", config],
      /\/nowhere: .*name the directory of a ledger/,
    ],
    [
      "the configuration is broken",
      () => [ledger, "--config", "/nowhere.yaml"],
      /the file does not exist/,
    ],
    [
      "nothing was decided then",
      () => [ledger, "--config", config, "--until", "2026-01-01"],
      /no decision on record in that time/,
    ],
  ])("exits with 2 when it cannot say: %s", async (_name, args, message) => {
    await world.read();
    const { code, stdout, stderr } = await replay(...args());
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test.each([
    [["--since", "yesterday"], /Write a time such as/],
    [["--limit", "none"], /Write a whole number/],
    [["--untill", "2026-11-22"], /unknown option/],
  ])("understands no %j", async (args, message) => {
    const { code, stderr } = await replay(ledger, "--config", config, ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
