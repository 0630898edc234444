/** The life-cycle on real files: what serves after each operation, after each that was refused, and after a restart. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import type { Constitution } from "./constitution.ts";
import { ask, NOBODY, PackFolder, START_MS, type Rules } from "./pack-folder.test-support.ts";

const DAY_MS = 86_400_000;

let folder: PackFolder;

beforeEach(() => {
  folder = new PackFolder();
});
afterEach(() => folder.remove());

const withCode = (code: string): { readonly code: string } => expect.objectContaining({ code });

/** A folder in its way: root is stopped by it too. */
const block = (path: string): void => void mkdirSync(`${path}/in-the-way`, { recursive: true });
const unblock = (path: string): void => rmSync(path, { recursive: true });

const openWith = async (rules: Rules): Promise<Constitution> => {
  folder.write(rules);
  const constitution = await folder.open();
  folder.events.length = 0;
  return constitution;
};

/** One pack after the other, each by way of a candidate. */
const promoteAll = async (constitution: Constitution, ...all: Rules[]): Promise<void> => {
  for (const rules of all) {
    folder.writeCandidate(rules);
    await constitution.reload("next");
    await constitution.promote();
  }
  folder.events.length = 0;
};

describe("a start", () => {
  test("with a good pack serves it, and begins to remember", async () => {
    const blake3 = folder.write({ release: 1 });
    const constitution = await folder.open();
    expect(constitution.active).toMatchObject({
      id: "example",
      version: "v1",
      blake3,
      name: "example",
      releaseVersion: 1,
      loadedAtMs: START_MS,
    });
    expect(constitution.next ?? constitution.canary ?? constitution.prev).toBeUndefined();
    expect(ask(constitution, "ops")).toMatchObject({
      decision: { effect: "allow", output: "allow_member" },
      stage: "active",
      isExpired: false,
    });
    expect(ask(constitution, "dev").decision.output).toBe("default_deny");
    expect(folder.events).toEqual([
      { kind: "state_created", path: folder.stateFile },
      {
        kind: "activated",
        cause: "start",
        pack: { id: "example", version: "v1", blake3 },
        acknowledged: [],
      },
    ]);
    expect(statSync(folder.stateFile).mode & 0o777).toBe(0o600);
  });

  test("again with the same pack changes nothing", async () => {
    const constitution = await openWith({ release: 1 });
    const before = readFileSync(folder.stateFile);
    await folder.restart(constitution);
    expect(folder.kinds).toEqual(["activated"]);
    expect(readFileSync(folder.stateFile)).toEqual(before);
  });

  test("with a newer release takes it, and remembers the one before", async () => {
    const first = await openWith({ release: 1 });
    folder.write({ release: 2, group: "dev" });
    const { blake3 } = first.active;
    const second = await folder.restart(first);
    expect(second.active.releaseVersion).toBe(2);
    expect(second.prev?.blake3).toBe(blake3);
    expect(folder.events).toMatchObject([{ kind: "activated", previous: { blake3 } }]);
  });

  const refusedStarts: [string, (folder: PackFolder) => void, string][] = [
    ["no pack.json", ({ files }) => rmSync(files.signature), "life.file_missing"],
    ["no YAML", ({ files }) => rmSync(files.yaml as string), "life.file_missing"],
    [
      "a folder for a file",
      ({ files }) => {
        rmSync(files.signature);
        mkdirSync(files.signature);
      },
      "life.file_unreadable",
    ],
    [
      "a file without end",
      ({ files }) => writeFileSync(files.yaml as string, Buffer.alloc(2_097_153, 0x20)),
      "life.file_too_large",
    ],
    [
      "one byte more",
      ({ files }) => writeFileSync(files.yaml as string, "\n", { flag: "a" }),
      "pack.hash_mismatch",
    ],
    [
      "another key's pack",
      ({ path }) => new PackFolder({ path }).write({ release: 1 }),
      "pack.bad_signature",
    ],
    [
      "a pack of tomorrow",
      (at) => at.write({ release: 1, notBeforeMs: START_MS + 1_000 }),
      "pack.not_yet",
    ],
    ["a pack of yesterday", (at) => at.write({ release: 1, expiresMs: START_MS }), "pack.expired"],
    [
      "a pack that lets everybody in",
      (at) => at.write({ release: 1, isOpen: true }),
      "life.unacknowledged",
    ],
  ];

  test.each(refusedStarts)(
    "with %s is refused, and nothing is remembered",
    async (_name, spoil, code) => {
      folder.write({ release: 1 });
      spoil(folder);
      await expect(folder.open()).rejects.toEqual(withCode(code));
      expect(existsSync(folder.stateFile)).toBe(false);
    },
  );

  const refusedSuccessors: [string, Rules, string][] = [
    ["an older release", { release: 4 }, "pack.rollback"],
    ["the same release with other rules", { release: 5, group: "dev" }, "pack.version_reused"],
    ["a pack without a release", {}, "pack.release_missing"],
    ["another name's release", { release: 9, name: "other" }, "pack.wrong_name"],
    ["the successor of another pack", { release: 6, prev: "0".repeat(64) }, "pack.wrong_prev"],
  ];

  test.each(refusedSuccessors)("after release 5 with %s is refused", async (_name, rules, code) => {
    const constitution = await openWith({ release: 5 });
    await constitution.close();
    folder.write(rules);
    await expect(folder.open()).rejects.toEqual(withCode(code));
    folder.write({ release: 5 });
    expect((await folder.open()).active.releaseVersion).toBe(5);
  });

  test("says all findings, and takes what is acknowledged by name", async () => {
    folder.write({ release: 1, isOpen: true });
    const refusal = await folder.open().catch((error: unknown) => error);
    const { findings } = refusal as {
      readonly findings: readonly { code: string; subject: string }[];
    };
    const names = findings.map(({ code, subject }) => `${code.slice("lint.".length)}:${subject}`);
    expect(names.length).toBeGreaterThan(0);
    const constitution = await folder.open({ acknowledged: names });
    expect(ask(constitution, "anybody").decision.effect).toBe("allow");
    expect(folder.events.find(({ kind }) => kind === "activated")).toMatchObject({
      acknowledged: names,
    });
  });

  test("an acknowledgement that no pack needs is told, not refused: a better pack must not stop a restart", async () => {
    folder.write({ release: 1 });
    await folder.open({ acknowledged: ["open_allow:allow_nobody"] });
    expect(folder.events.at(-1)).toEqual({
      kind: "acknowledgement_unused",
      names: ["open_allow:allow_nobody"],
    });
  });
});

describe("the state file", () => {
  const spoilt: [string, (text: string) => string][] = [
    ["empty", () => ""],
    ["cut", (text) => text.slice(0, text.length / 2)],
    ["without its hash", (text) => text.split("\n")[0] as string],
    ["edited", (text) => text.replace('"version":5', '"version":1')],
    ["of something else", () => "{}\n"],
    ["too large", (text) => text + " ".repeat(17_000_000)],
  ];

  test.each(spoilt)(
    "%s: the start is refused, and the file stays as evidence",
    async (_name, spoil) => {
      const constitution = await openWith({ release: 5 });
      await constitution.close();
      const text = spoil(readFileSync(folder.stateFile, "utf8"));
      writeFileSync(folder.stateFile, text);
      await expect(folder.open()).rejects.toEqual(withCode("life.state_unreadable"));
      expect(readFileSync(folder.stateFile, "utf8")).toBe(text);
    },
  );

  test("removed: a first start again, and an event says so", async () => {
    const constitution = await openWith({ release: 5 });
    rmSync(folder.stateFile);
    folder.write({ release: 4 });
    const again = await folder.restart(constitution);
    expect(again.active.releaseVersion).toBe(4);
    expect(folder.kinds).toContain("state_created");
  });

  test("written by another process: operations are refused, and what serves stays", async () => {
    const first = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    const second = await folder.open();
    await second.reload("next");
    await second.promote();
    folder.writeCandidate({ release: 3 });
    await expect(first.reload("next")).rejects.toEqual(withCode("life.state_changed"));
    expect(first.active.releaseVersion).toBe(1);
    expect((await folder.restart(second)).active.releaseVersion).toBe(2);
  });
});

describe("a reload of the active pack", () => {
  test("takes a newer release at once", async () => {
    const constitution = await openWith({ release: 1 });
    const previous = constitution.active.blake3;
    const blake3 = folder.write({ release: 2, group: "dev" });
    expect(await constitution.reload("active")).toEqual({
      ok: true,
      stage: "active",
      id: "example",
      version: "v2",
      blake3,
    });
    expect(ask(constitution, "dev").decision.effect).toBe("allow");
    expect(ask(constitution, "ops").decision.effect).toBe("deny");
    expect(constitution.prev?.blake3).toBe(previous);
    expect(folder.events).toMatchObject([
      { kind: "activated", cause: "reload", pack: { blake3 }, previous: { blake3: previous } },
    ]);
  });

  test("of the very same pack is good, and keeps the one before", async () => {
    const constitution = await openWith({ release: 1 });
    await promoteAll(constitution, { release: 2 });
    await constitution.reload("active");
    expect(constitution.active.releaseVersion).toBe(2);
    expect(constitution.prev?.releaseVersion).toBe(1);
    expect(folder.events).toMatchObject([{ kind: "activated" }]);
    expect(folder.events[0]).not.toHaveProperty("previous");
  });

  const refused: [string, (folder: PackFolder) => void, string][] = [
    ["an older release", (at) => at.write({ release: 4 }), "pack.rollback"],
    [
      "other rules under the same number",
      (at) => at.write({ release: 5, group: "x" }),
      "pack.version_reused",
    ],
    ["a pack without a release", (at) => at.write({}), "pack.release_missing"],
    ["an expired one", (at) => at.write({ release: 6, expiresMs: START_MS }), "pack.expired"],
    [
      "one that lets everybody in",
      (at) => at.write({ release: 6, isOpen: true }),
      "life.unacknowledged",
    ],
    ["no file", ({ files }) => rmSync(files.signature), "life.file_missing"],
    [
      "YAML that is none",
      ({ files }) => writeFileSync(files.yaml as string, "policies: ["),
      "pack.hash_mismatch",
    ],
  ];

  test.each(refused)("with %s leaves everything as it was", async (_name, spoil, code) => {
    const constitution = await openWith({ release: 5 });
    const { active } = constitution;
    const state = readFileSync(folder.stateFile);
    spoil(folder);
    await expect(constitution.reload("active")).rejects.toEqual(withCode(code));
    expect(constitution.active).toBe(active);
    expect(readFileSync(folder.stateFile)).toEqual(state);
    expect(folder.events).toMatchObject([
      { kind: "refused", operation: "reload", stage: "active", code },
    ]);
  });

  test("that cannot be written down does not happen", async () => {
    const constitution = await openWith({ release: 1 });
    folder.write({ release: 2 });
    block(`${folder.stateFile}.new`);
    await expect(constitution.reload("active")).rejects.toEqual(withCode("life.state_unwritable"));
    expect(constitution.active.releaseVersion).toBe(1);
    unblock(`${folder.stateFile}.new`);
    await constitution.reload("active");
    expect(constitution.active.releaseVersion).toBe(2);
  });

  test("to the candidate itself ends the candidate", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    folder.write({ release: 2 });
    await constitution.reload("active");
    expect(constitution.next).toBeUndefined();
    expect(folder.events.at(-2)).toMatchObject({ kind: "dropped", cause: "active_now" });
  });
});

describe("a candidate in shadow", () => {
  test("is evaluated and counted, and decides nothing", async () => {
    const constitution = await openWith({ release: 1 });
    const blake3 = folder.writeCandidate({ release: 2, group: "dev" });
    expect(await constitution.reload("next")).toMatchObject({ ok: true, stage: "next", blake3 });
    expect(constitution.next?.blake3).toBe(blake3);
    expect(constitution.canary).toBeUndefined();
    const verdict = ask(constitution, "dev", { subject: { ...NOBODY, id: "req-1" } });
    expect(verdict).toMatchObject({
      decision: { effect: "deny", output: "default_deny" },
      stage: "active",
      pack: { releaseVersion: 1 },
      shadow: { decision: { effect: "allow" }, pack: { blake3 } },
    });
    ask(constitution, "ops");
    ask(constitution, "nobody");
    expect(constitution.shadowReport()).toMatchObject({
      evaluated: 3,
      agreed: 1,
      enforced: 0,
      failed: 0,
      opened: 1,
      closed: 1,
      pairs: [
        {
          active: { output: "default_deny", effect: "deny" },
          candidate: { output: "allow_member", effect: "allow" },
          count: 1,
          firstMs: START_MS,
          lastMs: START_MS,
          samples: [
            {
              atMs: START_MS,
              id: "req-1",
              active: { output: "default_deny", bitFailed: "P_Group", bitValue: "false" },
              candidate: { output: "allow_member", wire: "W_Member" },
            },
          ],
        },
        { active: { output: "allow_member" }, candidate: { output: "default_deny" }, count: 1 },
      ],
    });
  });

  test("holds nothing of a request", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2, group: "secret-group" });
    await constitution.reload("next");
    ask(constitution, "secret-group", {
      values: { "context.user.id": "u-secret", "context.req.path": "/secret" },
      subject: { key: "secret-key", groups: new Set(["secret-group"]), route: "secret-route" },
    });
    const report = constitution.shadowReport();
    expect(report?.opened).toBe(1);
    expect(JSON.stringify(report)).not.toContain("secret");
  });

  test("samples stay few, however many disagree", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2, group: "dev" });
    await constitution.reload("next");
    for (let at = 0; at < 1_000; at += 1)
      ask(constitution, "dev", { subject: { ...NOBODY, id: `req-${at}` } });
    const [pair] = constitution.shadowReport()?.pairs ?? [];
    expect(pair?.count).toBe(1_000);
    expect(pair?.samples.length).toBe(8);
    // Each of a thousand has the same chance: the first eight alone would be a sample of the beginning.
    expect(pair?.samples.some(({ id }) => Number(id?.slice(4)) >= 8)).toBe(true);
  });

  test("reads fields that the active pack does not", async () => {
    const constitution = await openWith({ release: 1 });
    expect(constitution.reads("context.user.groups")).toBe(true);
    expect(constitution.reads("context.origin")).toBe(false);
    folder.writeCandidate({ release: 2, also: "context.origin == 'https://a.example'" });
    await constitution.reload("next");
    expect(constitution.reads("context.origin")).toBe(true);
    await constitution.drop("next");
    expect(constitution.reads("context.origin")).toBe(false);
  });

  test("a bad one leaves the one before it in place", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    const { next } = constitution;
    writeFileSync(folder.candidateFiles.yaml as string, "{}");
    await expect(constitution.reload("next")).rejects.toEqual(withCode("pack.hash_mismatch"));
    expect(constitution.next).toBe(next);
    expect(folder.events.at(-1)).toMatchObject({ kind: "refused", stage: "next" });
  });

  test("an older release than was ever active is none", async () => {
    const constitution = await openWith({ release: 5 });
    folder.writeCandidate({ release: 4 });
    await expect(constitution.reload("next")).rejects.toEqual(withCode("pack.rollback"));
  });

  test("is there again after a restart, and is dropped when its files are not it any more", async () => {
    const first = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await first.reload("next");
    const second = await folder.restart(first);
    expect(second.next?.releaseVersion).toBe(2);
    folder.writeCandidate({ release: 3 });
    const third = await folder.restart(second);
    expect(third.next).toBeUndefined();
    expect(folder.events).toContainEqual(
      expect.objectContaining({ kind: "refused", operation: "open", code: "life.no_candidate" }),
    );
    expect((await folder.restart(third)).next).toBeUndefined();
    expect(folder.kinds).toEqual(["activated"]);
  });

  test("is dropped by an operator, and only as what it is", async () => {
    const constitution = await openWith({ release: 1 });
    await expect(constitution.drop("next")).rejects.toEqual(withCode("life.no_candidate"));
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    await expect(constitution.drop("canary")).rejects.toEqual(withCode("life.no_candidate"));
    expect(await constitution.drop("next")).toMatchObject({
      ok: true,
      stage: "next",
      version: "v2",
    });
    expect(constitution.next).toBeUndefined();
    expect(ask(constitution, "ops").shadow).toBeUndefined();
    expect(folder.events.at(-1)).toMatchObject({ kind: "dropped", cause: "operator" });
  });

  test("is out of service at once even when that cannot be written down", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    block(`${folder.stateFile}.new`);
    await expect(constitution.drop("next")).rejects.toEqual(withCode("life.state_unwritable"));
    expect(constitution.next).toBeUndefined();
  });

  test("that expires leaves by itself, and the active pack goes on", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2, group: "dev", expiresMs: START_MS + 1_000 });
    await constitution.reload("next");
    const nowMs = START_MS + 1_000;
    expect(ask(constitution, "ops", { nowMs })).toMatchObject({
      decision: { effect: "allow" },
      isExpired: false,
    });
    expect(ask(constitution, "ops", { nowMs }).shadow).toBeUndefined();
    folder.nowMs = nowMs;
    await constitution.reload("active");
    await until("it has left", () => constitution.next === undefined);
    expect(folder.events.slice(-2)).toMatchObject([
      { kind: "expired", stage: "next" },
      { kind: "dropped", cause: "expired" },
    ]);
  });
});

describe("a canary", () => {
  const openCanary = async (): Promise<Constitution> => {
    folder.write({ release: 1 });
    const canary = { groups: ["early"], routes: ["route-7"], percent: 10 };
    const constitution = await folder.open({ canary });
    folder.writeCandidate({ release: 2, group: "dev" });
    await constitution.reload("canary");
    return constitution;
  };

  test("decides for its groups and routes, and is shadowed for all others", async () => {
    const constitution = await openCanary();
    expect(constitution.canary?.releaseVersion).toBe(2);
    expect(constitution.next).toBeUndefined();
    for (const subject of [
      { ...NOBODY, groups: new Set(["dev", "early"]) },
      { ...NOBODY, route: "route-7" },
    ])
      expect(ask(constitution, "dev", { subject })).toMatchObject({
        decision: { effect: "allow" },
        stage: "canary",
        pack: { releaseVersion: 2 },
        shadow: { pack: { releaseVersion: 1 }, decision: { effect: "deny" } },
      });
    expect(ask(constitution, "dev")).toMatchObject({
      decision: { effect: "deny" },
      stage: "active",
      shadow: { pack: { releaseVersion: 2 }, decision: { effect: "allow" } },
    });
    expect(constitution.shadowReport()).toMatchObject({ evaluated: 3, enforced: 2, opened: 3 });
    expect(folder.events.at(-1)).toMatchObject({
      kind: "canary",
      share: { groups: ["early"], routes: ["route-7"], percent: 10 },
    });
  });

  test("decides for its share of identities, always the same ones", async () => {
    const constitution = await openCanary();
    const chosen = (): string[] =>
      Array.from({ length: 5_000 }, (_, at) => `user-${at}`).filter(
        (key) => ask(constitution, "dev", { subject: { ...NOBODY, key } }).stage === "canary",
      );
    const first = chosen();
    expect(first.length).toBeGreaterThan(400);
    expect(first.length).toBeLessThan(600);
    expect(chosen()).toEqual(first);
    expect(ask(constitution, "dev", { subject: NOBODY }).stage).toBe("active");
  });

  test("goes on after a restart", async () => {
    const constitution = await openCanary();
    const again = await folder.restart(constitution, { canary: { percent: 10 } });
    expect(again.canary?.releaseVersion).toBe(2);
  });

  test("begins with what shadow showed, and starts anew with another pack", async () => {
    folder.write({ release: 1 });
    const constitution = await folder.open({ canary: { groups: ["early"] } });
    folder.writeCandidate({ release: 2, group: "dev" });
    await constitution.reload("next");
    ask(constitution, "dev");
    await constitution.reload("canary");
    ask(constitution, "dev");
    expect(constitution.shadowReport()?.evaluated).toBe(2);
    folder.writeCandidate({ release: 3 });
    await constitution.reload("next");
    expect(constitution.shadowReport()).toMatchObject({
      evaluated: 0,
      candidate: { version: "v3" },
    });
  });

  test.each([undefined, {}, { percent: 0, groups: [], routes: [] }])(
    "without anybody to decide for is refused: %o",
    async (canary) => {
      folder.write({ release: 1 });
      const constitution = await folder.open({ canary });
      folder.writeCandidate({ release: 2 });
      await expect(constitution.reload("canary")).rejects.toEqual(withCode("life.no_share"));
    },
  );
});

describe.each(["pack_json", "dsse"] as const)("a promotion (%s)", (form) => {
  beforeEach(async () => {
    await folder.remove();
    folder = new PackFolder({ form });
  });

  test("makes the candidate active, in memory and in the files, and survives a restart", async () => {
    const constitution = await openWith({ release: 1 });
    const previous = constitution.active.blake3;
    const blake3 = folder.writeCandidate({ release: 2, group: "dev" });
    const candidate = readFileSync(folder.candidateFiles.signature, "utf8");
    await constitution.reload("next");
    expect(await constitution.promote()).toMatchObject({ ok: true, stage: "active", blake3 });
    expect(constitution.active.blake3).toBe(blake3);
    expect(constitution.prev?.blake3).toBe(previous);
    expect(constitution.next).toBeUndefined();
    expect(ask(constitution, "dev").decision.effect).toBe("allow");
    expect(folder.read("signature")).toBe(candidate);
    expect(existsSync(folder.candidateFiles.signature)).toBe(false);
    expect(folder.events.slice(1)).toMatchObject([
      { kind: "promoted", pack: { blake3 }, previous: { blake3: previous } },
      { kind: "files_written", setAside: [] },
    ]);
    const again = await folder.restart(constitution);
    expect(again.active.blake3).toBe(blake3);
    expect(again.prev?.blake3).toBe(previous);
  });

  test("takes the bytes that were verified, not those that lie there by now", async () => {
    const constitution = await openWith({ release: 1 });
    const blake3 = folder.writeCandidate({ release: 2, group: "dev" });
    await constitution.reload("next");
    folder.writeCandidate({ release: 3, isOpen: true });
    await constitution.promote();
    expect(constitution.active.blake3).toBe(blake3);
    expect(existsSync(folder.candidateFiles.signature)).toBe(true);
    expect((await folder.restart(constitution)).active.blake3).toBe(blake3);
  });

  test("sets aside what somebody had laid down and not loaded", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    folder.write({ release: 7, group: "unloaded" });
    const unloaded = folder.read("signature");
    await constitution.promote();
    const aside = `${folder.files.signature}.replaced`;
    expect(readFileSync(aside, "utf8")).toBe(unloaded);
    expect(folder.events.at(-1)).toMatchObject({ kind: "files_written" });
    expect((await folder.restart(constitution)).active.releaseVersion).toBe(2);
  });

  test("that cannot be written does not happen", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    const before = folder.read("signature");
    for (const [path, code] of [
      [`${folder.files.signature}.new`, "life.files_unwritable"],
      [`${folder.stateFile}.new`, "life.state_unwritable"],
    ] as const) {
      block(path);
      await expect(constitution.promote()).rejects.toEqual(withCode(code));
      unblock(path);
      expect(constitution.active.releaseVersion).toBe(1);
      expect(constitution.next?.releaseVersion).toBe(2);
      expect(folder.read("signature")).toBe(before);
      expect(existsSync(`${folder.files.signature}.new`)).toBe(false);
    }
    await constitution.promote();
    expect(constitution.active.releaseVersion).toBe(2);
  });

  test("whose files cannot follow has happened, and is finished later", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    folder.write({ release: 9 });
    const aside = `${folder.files.signature}.replaced`;
    block(aside);
    expect(await constitution.promote()).toMatchObject({ ok: true });
    expect(folder.events.at(-1)).toMatchObject({ kind: "files_behind" });
    await expect(constitution.reload("active")).rejects.toEqual(withCode("life.files_unwritable"));

    const again = await folder.restart(constitution);
    expect(again.active.releaseVersion).toBe(2);
    expect(folder.kinds).toEqual(["files_behind", "activated"]);

    unblock(aside);
    await again.reload("active");
    expect(again.active.releaseVersion).toBe(2);
    expect(folder.kinds).toContain("files_written");
    expect((await folder.restart(again)).active.releaseVersion).toBe(2);
    expect(folder.kinds).toEqual(["activated"]);
  });

  test("whose files somebody writes before they follow leaves those alone", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    folder.write({ release: 9 });
    const aside = `${folder.files.signature}.replaced`;
    block(aside);
    await constitution.promote();
    unblock(aside);
    folder.write({ release: 3, group: "later" });
    const again = await folder.restart(constitution);
    expect(again.active.releaseVersion).toBe(3);
    expect(again.prev?.releaseVersion).toBe(2);
  });

  test("without a candidate is refused", async () => {
    const constitution = await openWith({ release: 1 });
    await expect(constitution.promote()).rejects.toEqual(withCode("life.no_candidate"));
    expect(folder.events).toMatchObject([{ kind: "refused", operation: "promote" }]);
  });

  test("looks at the candidate's time and place again", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2, expiresMs: START_MS + 5_000 });
    await constitution.reload("next");
    folder.nowMs = START_MS + 5_000;
    await expect(constitution.promote()).rejects.toEqual(withCode("pack.expired"));
    folder.nowMs = START_MS;
    folder.write({ release: 3 });
    await constitution.reload("active");
    await expect(constitution.promote()).rejects.toEqual(withCode("pack.rollback"));
    expect(constitution.active.releaseVersion).toBe(3);
  });

  test("holds the candidate to the pack that it says it replaces", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2, prev: constitution.active.blake3 });
    await constitution.reload("next");
    await constitution.promote();
    expect((await folder.restart(constitution)).active.releaseVersion).toBe(2);
  });
});

describe.each(["pack_json", "dsse"] as const)("a roll back (%s)", (form) => {
  beforeEach(async () => {
    await folder.remove();
    folder = new PackFolder({ form });
  });

  test("goes to the previous pack, in the files too, and survives a restart", async () => {
    const constitution = await openWith({ release: 1 });
    const before = folder.read("signature");
    await promoteAll(constitution, { release: 2, group: "dev" });
    expect(await constitution.rollback()).toMatchObject({ ok: true, stage: "active" });
    expect(constitution.active.releaseVersion).toBe(1);
    expect(constitution.prev?.releaseVersion).toBe(2);
    expect(folder.read("signature")).toBe(before);
    expect(folder.events).toMatchObject([
      { kind: "rolled_back", pack: { blake3: constitution.active.blake3 } },
      { kind: "files_written" },
    ]);
    const again = await folder.restart(constitution);
    expect(again.active.releaseVersion).toBe(1);
    expect(again.prev?.releaseVersion).toBe(2);
  });

  test("works after a restart", async () => {
    const constitution = await openWith({ release: 1 });
    await promoteAll(constitution, { release: 2 });
    const again = await folder.restart(constitution);
    await again.rollback();
    expect(again.active.releaseVersion).toBe(1);
  });

  test("does not forget the highest release: nothing between comes in by itself", async () => {
    const constitution = await openWith({ release: 1 });
    await promoteAll(constitution, { release: 5 });
    await constitution.rollback();
    folder.writeCandidate({ release: 3 });
    await expect(constitution.reload("next")).rejects.toEqual(withCode("pack.rollback"));
    folder.write({ release: 4 });
    await expect(constitution.reload("active")).rejects.toEqual(withCode("pack.rollback"));
    folder.writeCandidate({ release: 5 });
    await constitution.reload("next");
    await constitution.promote();
    expect(constitution.active.releaseVersion).toBe(5);
  });

  test("twice is where it began", async () => {
    const constitution = await openWith({ release: 1 });
    await promoteAll(constitution, { release: 2 });
    await constitution.rollback();
    await constitution.rollback();
    expect(constitution.active.releaseVersion).toBe(2);
  });

  test("ends the candidate: one pack decides for all", async () => {
    const constitution = await openWith({ release: 1 });
    await promoteAll(constitution, { release: 2 });
    folder.writeCandidate({ release: 3 });
    await constitution.reload("next");
    await constitution.rollback();
    expect(constitution.next).toBeUndefined();
    expect(folder.kinds).toContain("dropped");
    expect((await folder.restart(constitution)).next).toBeUndefined();
  });

  test("has nowhere to go at first", async () => {
    const constitution = await openWith({ release: 1 });
    await expect(constitution.rollback()).rejects.toEqual(withCode("life.no_prev"));
  });

  test("does not go to a pack whose time is over", async () => {
    const constitution = await openWith({ release: 1, expiresMs: START_MS + 1_000 });
    await promoteAll(constitution, { release: 2 });
    folder.nowMs = START_MS + 1_000;
    await expect(constitution.rollback()).rejects.toEqual(withCode("pack.expired"));
    expect(constitution.active.releaseVersion).toBe(2);
  });

  test("works when the pack in the files is broken", async () => {
    const constitution = await openWith({ release: 1 });
    await promoteAll(constitution, { release: 2 });
    writeFileSync(folder.files.signature, "broken");
    await expect(constitution.reload("active")).rejects.toThrow();
    await constitution.rollback();
    expect((await folder.restart(constitution)).active.releaseVersion).toBe(1);
  });
});

describe("time", () => {
  test("a pack that ends says so on every verdict from then on, and once to operators", async () => {
    const constitution = await openWith({ release: 1, expiresMs: START_MS + 1_000 });
    folder.events.length = 0;
    expect(ask(constitution, "ops").isExpired).toBe(false);
    expect(ask(constitution, "ops", { nowMs: START_MS + 1_000 }).isExpired).toBe(true);
    expect(ask(constitution, "ops", { nowMs: START_MS + 2_000 }).isExpired).toBe(true);
    // Wherever the clock goes.
    expect(ask(constitution, "ops", { nowMs: START_MS }).isExpired).toBe(true);
    expect(folder.events).toEqual([
      expect.objectContaining({ kind: "expired", stage: "active", expiresMs: START_MS + 1_000 }),
    ]);
  });

  test("it stays ended when a candidate comes, and a newer pack ends that", async () => {
    const constitution = await openWith({ release: 1, expiresMs: START_MS + 1_000 });
    const nowMs = START_MS + 1_000;
    expect(ask(constitution, "ops", { nowMs }).isExpired).toBe(true);
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    expect(ask(constitution, "ops").isExpired).toBe(true);
    await constitution.promote();
    expect(ask(constitution, "ops", { nowMs }).isExpired).toBe(false);
  });

  test("its end is told a week and a day before, each once", async () => {
    const expiresMs = START_MS + 10 * DAY_MS;
    const constitution = await openWith({ release: 1, expiresMs });
    const said = async (nowMs: number): Promise<number[]> => {
      folder.events.length = 0;
      folder.nowMs = nowMs;
      await constitution.reload("active");
      return folder.events.flatMap((event) =>
        event.kind === "expiring" ? [event.withinDays] : [],
      );
    };
    expect(await said(expiresMs - 7 * DAY_MS - 1)).toEqual([]);
    expect(await said(expiresMs - 7 * DAY_MS)).toEqual([7]);
    expect(await said(expiresMs - 6 * DAY_MS)).toEqual([]);
    expect(await said(expiresMs - DAY_MS)).toEqual([1]);
    expect(await said(expiresMs - 1_000)).toEqual([]);
  });

  test("a start in its last hours says the nearer of the two only", async () => {
    folder.write({ release: 1, expiresMs: START_MS + 3_600_000 });
    await folder.open();
    expect(folder.events.filter(({ kind }) => kind === "expiring")).toMatchObject([
      { withinDays: 1 },
    ]);
  });
});

describe("many operations at once", () => {
  test("run one after the other, and each is whole", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    const results = await Promise.allSettled([
      constitution.reload("next"),
      constitution.promote(),
      constitution.rollback(),
      constitution.reload("active"),
      constitution.rollback(),
      constitution.promote(),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(constitution.active.releaseVersion).toBe(2);
  });

  test("more than may wait are refused", async () => {
    const constitution = await openWith({ release: 1 });
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => constitution.reload("active")),
    );
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(
      Array.from({ length: 4 }, () => "life.busy"),
    );
  });

  test("wait while another constitution is opened on the same files, and are then refused or done", async () => {
    const constitution = await openWith({ release: 1 });
    folder.writeCandidate({ release: 2 });
    await constitution.reload("next");
    for (const isTaken of [false, true]) {
      const release = await constitution.hold();
      const other = await folder.open();
      const promoting = constitution.promote().catch((error: unknown) => error);
      expect(other.active.releaseVersion).toBe(1);
      const closing = (isTaken ? constitution : other).close();
      release();
      await closing;
      if (isTaken) expect(await promoting).toEqual(withCode("life.closed"));
      else expect(await promoting).toMatchObject({ ok: true, version: "v2" });
      if (!isTaken) await constitution.rollback();
      folder.writeCandidate({ release: 3 });
    }
    expect(constitution.active.releaseVersion).toBe(1);
  });

  test("after closing are refused, while decisions go on", async () => {
    const constitution = await openWith({ release: 1 });
    await constitution.close();
    await expect(constitution.reload("active")).rejects.toEqual(withCode("life.closed"));
    expect(ask(constitution, "ops").decision.effect).toBe("allow");
  });
});
