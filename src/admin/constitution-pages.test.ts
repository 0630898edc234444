/** The operators' pages of the constitution on real packs: what they do, whom they refuse, and what they take. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Constitution } from "../packs/life/constitution.ts";
import { ask, PackFolder } from "../packs/life/pack-folder.test-support.ts";
import { BreakGlass } from "../packs/panic/break-glass.ts";
import { constitutionPages, type ConstitutionPages } from "./constitution-pages.ts";
import type { OperatorRequest } from "./operator-request.ts";

let folder: PackFolder;
let constitution: Constitution;
let breakGlass: BreakGlass;
let pages: ConstitutionPages;

beforeEach(async () => {
  folder = new PackFolder();
  folder.write({ release: 1 });
  constitution = await folder.open({ canary: { groups: ["early"] } });
  breakGlass = await BreakGlass.open({
    stateFile: join(folder.path, "breakglass.json"),
    nowMs: () => folder.nowMs,
    onEvent: () => undefined,
  });
  pages = constitutionPages({ constitution, breakGlass });
});
afterEach(async () => {
  await breakGlass.close();
  await folder.remove();
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const requestOf = (
  line: string,
  over: Partial<OperatorRequest> & { json?: unknown } = {},
): OperatorRequest => {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  const { json, ...given } = over;
  return {
    method,
    path,
    query: new URLSearchParams(query),
    body: Buffer.from(json === undefined ? "" : JSON.stringify(json)),
    peerAddress: "127.0.0.1",
    headers: { host: "127.0.0.1:9457" },
    ...given,
  };
};

const send = async (
  line: string,
  over: Partial<OperatorRequest> & { json?: unknown } = {},
): Promise<Answer> => {
  const answer = await pages(requestOf(line, over));
  if (!answer) throw new Error(`${line} is no page`);
  expect(answer.contentType).toBe("application/json");
  return { status: answer.status, body: JSON.parse(answer.text) as Answer["body"] };
};

const PANIC = { ttl_sec: 60, reason: "identity provider is down" };

describe("packs", () => {
  test.each(["POST /_reload", "POST /_reload?stage=active"])(
    "%s loads the active pack",
    async (line) => {
      const blake3 = folder.write({ release: 2 });
      expect(await send(line)).toEqual({
        status: 200,
        body: { ok: true, stage: "active", id: "example", version: "v2", blake3 },
      });
      expect(constitution.active.blake3).toBe(blake3);
    },
  );

  test("a candidate goes into shadow, becomes a canary, is promoted and rolled back", async () => {
    const blake3 = folder.writeCandidate({ release: 2 });
    const named = { ok: true, id: "example", version: "v2", blake3 };
    expect((await send("POST /_reload?stage=next")).body).toEqual({ ...named, stage: "next" });
    expect((await send("POST /_reload?stage=canary")).body).toEqual({ ...named, stage: "canary" });
    expect((await send("POST /_promote", { json: {} })).body).toEqual({
      ...named,
      stage: "active",
    });
    expect((await send("POST /_rollback")).body).toMatchObject({ ok: true, version: "v1" });
    expect(constitution.active.releaseVersion).toBe(1);
  });

  test("a candidate is dropped by its stage", async () => {
    folder.writeCandidate({ release: 2 });
    await send("POST /_reload?stage=next");
    expect((await send("POST /_drop")).status).toBe(400);
    expect((await send("POST /_drop?stage=active")).status).toBe(400);
    expect(await send("POST /_drop?stage=next")).toMatchObject({
      status: 200,
      body: { ok: true, stage: "next", version: "v2" },
    });
    expect(constitution.next).toBeUndefined();
  });

  test("what is refused is 422 with its code and findings, and changes nothing", async () => {
    folder.writeCandidate({ release: 2, isOpen: true });
    const { status, body } = await send("POST /_reload?stage=next");
    expect(status).toBe(422);
    expect(body).toMatchObject({ ok: false, stage: "next", code: "life.unacknowledged" });
    expect(body["findings"]).toContainEqual(expect.objectContaining({ severity: "grave" }));
    expect(await send("POST /_promote")).toMatchObject({
      status: 422,
      body: { ok: false, code: "life.no_candidate", findings: [] },
    });
    folder.write({ release: 0, group: "older" });
    expect(await send("POST /_reload")).toMatchObject({
      status: 422,
      body: { ok: false, stage: "active" },
    });
    expect(constitution.active.releaseVersion).toBe(1);
  });

  test("GET /_constitution says what is where", async () => {
    folder.writeCandidate({ release: 2, group: "dev" });
    await send("POST /_reload?stage=next");
    await send("POST /__breakglass", { json: PANIC });
    ask(constitution, "dev");
    const { status, body } = await send("GET /_constitution");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ok: true,
      active: { id: "example", version: "v1", release: 1, expires: "2027-02-20T12:00:00.000Z" },
      next: { version: "v2", blake3: constitution.next?.blake3 },
      canary: null,
      prev: null,
      canary_share: { groups: ["early"] },
      break_glass: { source: "operator", reason: PANIC.reason, until: "2026-11-22T12:01:00.000Z" },
      shadow: { evaluated: 1, agreed: 0, opened: 1 },
    });
  });

  test("GET /_constitution/shadow is the report", async () => {
    expect(await send("GET /_constitution/shadow")).toMatchObject({
      status: 404,
      body: { ok: false, code: "constitution.no_shadow" },
    });
    folder.writeCandidate({ release: 2, group: "dev" });
    await send("POST /_reload?stage=next");
    ask(constitution, "dev", { subject: { key: "", groups: new Set(), route: "", id: "req-1" } });
    expect((await send("GET /_constitution/shadow")).body).toMatchObject({
      ok: true,
      candidate: { version: "v2" },
      evaluated: 1,
      pairs: [
        {
          active: { output: "default_deny", effect: "deny" },
          candidate: { output: "allow_member", effect: "allow" },
          count: 1,
          samples: [{ id: "req-1", active: { bit_failed: "P_Group", bit_value: "false" } }],
        },
      ],
    });
  });
});

describe("break-glass", () => {
  test("is switched on and off", async () => {
    expect(await send("POST /__breakglass", { json: { ...PANIC, by: "ana" } })).toEqual({
      status: 200,
      body: {
        ok: true,
        source: "operator",
        since: "2026-11-22T12:00:00.000Z",
        until: "2026-11-22T12:01:00.000Z",
        reason: PANIC.reason,
        by: "ana",
        approved_by: null,
      },
    });
    expect(breakGlass.isActive()).toBe(true);
    expect((await send("POST /__breakglass/clear")).body).toEqual({ ok: true, was_active: true });
    expect((await send("POST /__breakglass/clear")).body).toEqual({ ok: true, was_active: false });
    expect(breakGlass.isActive()).toBe(false);
  });

  test.each<[string, unknown, number, string]>([
    ["nothing", undefined, 422, "breakglass.bad_ttl"],
    ["no time", { reason: "a" }, 422, "breakglass.bad_ttl"],
    ["too long a time", { ...PANIC, ttl_sec: 901 }, 422, "breakglass.bad_ttl"],
    ["a time as text", { ...PANIC, ttl_sec: "60" }, 422, "breakglass.bad_ttl"],
    ["no reason", { ttl_sec: 60 }, 422, "breakglass.bad_reason"],
    ["a number as reason", { ttl_sec: 60, reason: 5 }, 422, "breakglass.bad_reason"],
    ["a name that is no text", { ...PANIC, by: 1 }, 400, "operator.bad_request"],
    ["a member that is not meant", { ...PANIC, ttlSec: 60 }, 400, "operator.bad_request"],
    ["a signature alone", { ...PANIC, signature: "AAAA" }, 400, "operator.bad_request"],
    ["a list", [PANIC], 400, "operator.bad_request"],
  ])("with %s is refused", async (_name, json, status, code) => {
    expect(await send("POST /__breakglass", { json })).toMatchObject({
      status,
      body: { ok: false, code },
    });
    expect(breakGlass.isActive()).toBe(false);
  });

  test.each([
    ["no JSON", "ttl_sec=60&reason=a"],
    ["a member twice", '{"ttl_sec":60,"reason":"a","ttl_sec":900}'],
    [
      "a member twice, once in disguise",
      String.raw`{"ttl_sec":60,"reason":"a","\u0074tl_sec":900}`,
    ],
    ["half of it", '{"ttl_sec":60'],
    ["too much", `{"ttl_sec":60,"reason":"a"}${" ".repeat(4_096)}`],
  ])("with a body of %s is refused", async (_name, text) => {
    expect(await send("POST /__breakglass", { body: Buffer.from(text) })).toMatchObject({
      status: 400,
      body: { ok: false, code: "operator.bad_request" },
    });
    expect(breakGlass.isActive()).toBe(false);
  });
});

const ALL = [
  "POST /_reload",
  "POST /_reload?stage=next",
  "POST /_promote",
  "POST /_rollback",
  "POST /_drop?stage=next",
  "GET /_constitution",
  "GET /_constitution/shadow",
  "POST /__breakglass",
  "POST /__breakglass/clear",
  "GET /__breakglass/anything",
];

describe("from elsewhere", () => {
  test.each(ALL)("%s is refused, and does nothing", async (line) => {
    folder.write({ release: 2 });
    for (const peerAddress of [
      "10.0.0.5",
      "192.0.2.1",
      "::ffff:10.0.0.5",
      "2001:db8::1",
      "128.0.0.1",
      "",
    ]) {
      const answer = await send(line, { peerAddress, json: PANIC });
      expect(answer.status).toBe(403);
      expect(answer.body["code"]).toBe(
        line.includes("__breakglass") ? "breakglass.loopback_only" : "constitution.loopback_only",
      );
    }
    expect(constitution.active.releaseVersion).toBe(1);
    expect(breakGlass.isActive()).toBe(false);
  });

  test.each(["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])(
    "%s is this machine",
    async (peerAddress) => {
      expect((await send("GET /_constitution", { peerAddress })).status).toBe(200);
    },
  );
});

describe("from a browser on this machine", () => {
  const host = "127.0.0.1:9457";
  test.each<[string, OperatorRequest["headers"], string]>([
    ["another site's page", { host, origin: "https://evil.example" }, "browser_refused"],
    ["a page without an origin", { host, origin: "null" }, "browser_refused"],
    ["our own page", { host, origin: "http://127.0.0.1:9457" }, "browser_refused"],
    ["the address bar", { host, secFetchSite: "none" }, "browser_refused"],
    ["a name that leads here", { host: "evil.example:9457" }, "host_refused"],
    ["a name that looks like us", { host: "localhost.evil.example" }, "host_refused"],
    ["a number that some take for us", { host: "2130706433" }, "host_refused"],
    ["no host", {}, "host_refused"],
    ["an empty host", { host: "" }, "host_refused"],
  ])("%s is refused everywhere", async (_name, headers, code) => {
    for (const line of ALL) {
      const answer = await send(line, { headers, json: PANIC });
      expect(answer.status).toBe(403);
      expect(answer.body["code"]).toMatch(new RegExp(`^(breakglass|constitution)[.]${code}$`));
    }
    expect(breakGlass.isActive()).toBe(false);
  });

  test.each(["localhost", "LOCALHOST:9457", "127.0.0.1", "[::1]:9457", "[::1]"])(
    "a tool that calls us %s is not one",
    async (name) => {
      expect((await send("GET /_constitution", { headers: { host: name } })).status).toBe(200);
    },
  );
});

describe("asked wrongly", () => {
  test.each([
    ["GET /_reload", 405],
    ["GET /_promote", 405],
    ["PUT /__breakglass", 405],
    ["GET /__breakglass", 405],
    ["DELETE /__breakglass", 405],
    ["POST /_constitution", 405],
    ["HEAD /_constitution", 200],
    ["POST /__breakglass/other", 404],
    ["POST /_reload?stage=prev", 400],
    ["POST /_reload?stage=", 400],
    ["POST /_reload?stage=next&stage=active", 400],
    ["POST /_reload?Stage=next", 400],
    ["POST /_promote?stage=next", 400],
    ["GET /_constitution?verbose=1", 400],
  ])("%s is %i", async (line, status) => {
    expect((await send(line)).status).toBe(status);
  });

  test("an operation takes no members", async () => {
    expect((await send("POST /_promote", { json: { force: true } })).status).toBe(400);
  });

  test.each(["GET /metrics", "GET /_constitutional", "POST /__breakglasses", "POST /_reload/"])(
    "%s is not ours",
    (line) => {
      expect(pages(requestOf(line, { peerAddress: "10.0.0.5" }))).toBeUndefined();
    },
  );

  test("where nothing is configured, that is said", async () => {
    pages = constitutionPages({ constitution: undefined, breakGlass: undefined });
    for (const line of ["POST /_reload", "GET /_constitution", "POST /__breakglass/clear"])
      expect((await send(line)).status).toBe(404);
  });
});
