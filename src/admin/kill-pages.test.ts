/** Kill switches at the operator's address: who may ask, what is understood, and what is not. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FrozenClock, NOON_MS } from "../../test/support/context.ts";
import {
  openEmbeddedKillSwitches,
  type EmbeddedKillSwitches,
} from "../stores/kill/embedded-kill-switches.ts";
import { killPages, type KillPages, type KillPagesTools } from "./kill-pages.ts";
import type { OperatorRequest } from "./operator-request.ts";

let store: EmbeddedKillSwitches;
let pages: KillPages;

beforeEach(() => {
  const clock = new FrozenClock();
  store = openEmbeddedKillSwitches({ path: ":memory:", clock, isWatching: false });
  pages = pagesOf();
});

afterEach(() => {
  store.close();
});

const pagesOf = (tools: Partial<KillPagesTools> = {}): KillPages =>
  killPages({
    store: () => store,
    warningsAbout: ({ scope }) => (scope.model === "gone" ? ["there is no such model"] : []),
    nowMs: () => NOON_MS,
    ...tools,
  });

interface Asked extends Partial<OperatorRequest> {
  readonly json?: unknown;
}

async function send(line: string, { json, ...more }: Asked = {}) {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  const answer = await pages({
    method,
    path,
    query: new URLSearchParams(query),
    body: Buffer.from(json === undefined ? "" : JSON.stringify(json)),
    peerAddress: "127.0.0.1",
    headers: { host: "127.0.0.1:9457" },
    ...more,
  });
  return answer && { status: answer.status, body: JSON.parse(answer.text), allow: answer.allow };
}

const ORDER = { model: "churn", version: "v2", reason: "drill", by: "ana" };

describe("kill switches at the operator's address", () => {
  test("on, list, off", async () => {
    const on = await send("POST /kill", { json: { ...ORDER, for_sec: 60, route_to: "v1" } });
    const shown = {
      id: store.active[0]?.id,
      scope: { model: "churn", version: "v2" },
      reason: "drill",
      author: "ana",
      created: "2026-11-22T12:00:00.000Z",
      expires: "2026-11-22T12:01:00.000Z",
      route_to: "v1",
    };
    expect(on).toMatchObject({ status: 200, body: { ok: true, switch: shown, warnings: [] } });
    expect((await send("GET /kill"))?.body).toEqual({ ok: true, switches: [shown] });
    const off = { id: shown.id, by: "ben" };
    expect(await send("POST /kill/off", { json: off })).toMatchObject({ status: 200 });
    expect(await send("POST /kill/off", { json: off })).toMatchObject({
      status: 404,
      body: { code: "kill.unknown" },
    });
    expect((await send("GET /kill"))?.body).toEqual({ ok: true, switches: [] });
  });

  test("until is a moment with its offset", async () => {
    await send("POST /kill", { json: { ...ORDER, until: "2026-11-22T14:00:00+01:00" } });
    expect(store.active[0]?.expiresAtMs).toBe(NOON_MS + 3_600_000);
  });

  test("what the configuration does not have is said", async () => {
    const answer = await send("POST /kill", { json: { model: "gone", reason: "a", by: "ana" } });
    expect(answer?.body.warnings).toEqual(["there is no such model"]);
  });

  test.each<[string, unknown, number, string]>([
    ["a part that is not known", { ...ORDER, galaxy: "a" }, 400, "operator.bad_request"],
    ["a part that is no text", { ...ORDER, model: 1 }, 400, "operator.bad_request"],
    ["no reason", { model: "churn", by: "ana" }, 400, "operator.bad_request"],
    ["no name", { model: "churn", reason: "a" }, 400, "operator.bad_request"],
    [
      "two ends",
      { ...ORDER, for_sec: 1, until: "2026-12-01T00:00:00Z" },
      400,
      "operator.bad_request",
    ],
    [
      "an end without an offset",
      { ...ORDER, until: "2026-12-01T00:00:00" },
      400,
      "operator.bad_request",
    ],
    [
      "an end that is no date",
      { ...ORDER, until: "2026-13-01T00:00:00Z" },
      400,
      "operator.bad_request",
    ],
    ["a fraction of a second", { ...ORDER, for_sec: 0.5 }, 400, "operator.bad_request"],
    ["a list", [ORDER], 400, "operator.bad_request"],
    ["nothing to shut", { reason: "a", by: "ana" }, 422, "kill.refused"],
    ["an end that is over", { ...ORDER, until: "2026-11-22T12:00:00Z" }, 422, "kill.refused"],
    ["an end that no date can say", { ...ORDER, for_sec: 8_000_000_000_000 }, 422, "kill.refused"],
    ["a version alone", { version: "v2", reason: "a", by: "ana" }, 422, "kill.refused"],
  ])("with %s it is refused, and nothing is shut", async (_, json, status, code) => {
    expect(await send("POST /kill", { json })).toMatchObject({ status, body: { ok: false, code } });
    expect(store.active).toEqual([]);
  });

  test.each([
    ["no JSON", "model=churn"],
    ["a member twice", '{"model":"churn","reason":"a","by":"ana","model":"fraud"}'],
    ["nothing", ""],
  ])("%s is refused", async (_, text) => {
    expect(await send("POST /kill", { body: Buffer.from(text) })).toMatchObject({ status: 400 });
    expect(store.active).toEqual([]);
  });

  test.each<[string, Partial<OperatorRequest>, string]>([
    ["another machine", { peerAddress: "192.0.2.1" }, "kill.loopback_only"],
    [
      "a browser",
      { headers: { host: "localhost", origin: "https://a.example" } },
      "kill.browser_refused",
    ],
    ["a name that leads here", { headers: { host: "evil.example" } }, "kill.host_refused"],
  ])("%s learns and changes nothing", async (_, from, code) => {
    for (const line of ["GET /kill", "POST /kill", "POST /kill/off", "GET /kill/nothing"])
      expect(await send(line, { json: ORDER, ...from })).toMatchObject({
        status: 403,
        body: { ok: false, code },
      });
    expect(store.active).toEqual([]);
  });

  test.each([
    ["GET /kill/off", 405, "POST"],
    ["DELETE /kill", 405, "GET, HEAD, POST"],
    ["GET /kill/nothing", 404, undefined],
    ["GET /kill?all=1", 400, undefined],
  ])("%s: %i", async (line, status, allow) => {
    expect(await send(line)).toMatchObject({ status, allow });
  });

  test("other paths are somebody else's", async () => {
    expect(await send("GET /killer")).toBeUndefined();
  });

  test("a store that cannot write says so, and that nothing was changed", async () => {
    const broken = {
      active: [],
      on: () => Promise.reject(new Error("database or disk is full")),
      off: () => Promise.reject(new Error("database or disk is full")),
    };
    pages = pagesOf({ store: () => broken });
    const answer = await send("POST /kill", { json: ORDER });
    expect(answer).toMatchObject({ status: 503, body: { code: "kill.not_stored" } });
    expect(answer?.body.message).toContain("nothing was changed: database or disk is full");
    pages = pagesOf({ store: () => undefined });
    expect(await send("GET /kill")).toMatchObject({
      status: 503,
      body: { code: "kill.not_ready" },
    });
  });
});
