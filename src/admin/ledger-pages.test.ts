import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decision, SmallLedger } from "../ledger/report/small-ledger.test-support.ts";
import { verifyTlogProof } from "../ledger/tlog-proof.ts";
import { ledgerPages, type LedgerPages } from "./ledger-pages.ts";
import { startOperatorListener, type OperatorListener } from "./operator-listener.ts";

const START_MS = Date.UTC(2026, 10, 22, 13);

interface Page {
  readonly lines: readonly { readonly seq: number; readonly kind: string }[];
  readonly next_before: number | null;
  readonly damaged: number;
}

let directory: string;
let listener: OperatorListener;
let ledger: SmallLedger;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-pages-"));
  ledger = new SmallLedger(directory, START_MS);
  listener = await startOperatorListener({
    host: "127.0.0.1",
    port: 0,
    notReady: () => [],
    metrics: () => Promise.resolve({ contentType: "text/plain", text: "up 1\n" }),
    ledger: ledgerPages({ directory, verifierKey: ledger.verifierKey }),
  });
});
afterEach(async () => {
  await listener.close();
  rmSync(directory, { recursive: true, force: true });
});

const get = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${listener.port}${path}`, init);

const pageOf = async (path: string): Promise<Page> => {
  const answer = await get(path);
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as Page;
};

const seqsOf = ({ lines }: Page): number[] => lines.map(({ seq }) => seq);

/** Lines 0 to 6: open, four decisions, a checkpoint, close. */
function write(): void {
  ledger.open("start");
  for (let i = 1; i <= 4; i++)
    ledger.at(START_MS + i * 1_000).line(decision({ requestId: `r${i}`, caller: "ünïcode" }));
  ledger.sign().close("stop");
}

describe("GET /ledger", () => {
  test.each<[string, number[], number | null]>([
    ["", [6, 5, 4, 3, 2, 1, 0], null],
    ["?limit=2", [6, 5], 5],
    ["?limit=2&before=5", [4, 3], 3],
    ["?request_id=r3", [3], null],
    ["?kind=decision&limit=1000", [4, 3, 2, 1], null],
    ["?kind=pack", [], null],
    ["?since=2026-11-22T13:00:04Z", [6, 5, 4], null],
    ["?since=2026-11-22T14:00:04%2B01:00&kind=decision", [4], null],
  ])("answers %s with the newest first", async (query, seqs, nextBefore) => {
    write();
    const page = await pageOf(`/ledger${query}`);
    expect(seqsOf(page)).toEqual(seqs);
    expect(page).toMatchObject({ next_before: nextBefore, damaged: 0 });
  });

  test.each([
    "limit=0",
    "limit=1001",
    "limit=ten",
    "limit=1e2",
    "limit=-1",
    "limit=",
    "limit=1&limit=2",
    "before=-1",
    "before=99999999999999999999",
    "kind=Decision",
    "kind=",
    "request_id=",
    `request_id=${"x".repeat(257)}`,
    "since=yesterday",
    "since=2026-11-22T13:00:04",
    "since=2026-99-22T13:00:04Z",
    "unknown=1",
    "__proto__=1",
    "constructor=1",
  ])("refuses %s", async (query) => {
    write();
    const answer = await get(`/ledger?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: expect.any(String) as string });
  });

  test("gives lines byte for byte, damage and all", async () => {
    write();
    const path = join(directory, "00000000.ndjson");
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [...lines.slice(0, 2), "rubbish", ...lines.slice(3)].join("\n"));
    const answer = await get("/ledger");
    const text = await answer.text();
    expect(text).toContain(lines[1]);
    expect((JSON.parse(text) as Page).damaged).toBe(1);
  });

  test("sees what has just been written", async () => {
    ledger.open("start").line(decision()).flush();
    expect(seqsOf(await pageOf("/ledger"))).toEqual([1, 0]);
    ledger.line(decision()).flush();
    expect(seqsOf(await pageOf("/ledger"))).toEqual([2, 1, 0]);
  });

  test("no more than a few questions run at once; the others are told to come again", async () => {
    write();
    const answers = await Promise.all(Array.from({ length: 40 }, () => get("/ledger")));
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, ...statuses.filter((s) => s === 503)]));
    expect(statuses).toContain(200);
    expect((await get("/ledger")).status).toBe(200);
  });
});

describe("the pages below it", () => {
  test("/ledger/<seq> is the line, byte for byte", async () => {
    write();
    const lines = readFileSync(join(directory, "00000000.ndjson"), "utf8").split("\n");
    for (const seq of [0, 3, 6]) {
      const answer = await get(`/ledger/${seq}`);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(await answer.text()).toBe(`${lines[seq]}\n`);
    }
  });

  test("a line that was changed is not passed on as one", async () => {
    write();
    const path = join(directory, "00000000.ndjson");
    writeFileSync(path, readFileSync(path, "utf8").replace('"r2"', '"r9"'));
    const answer = await get("/ledger/2");
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      error: expect.stringMatching(/line 2 is damaged/) as string,
    });
  });

  test("/ledger/checkpoint is the signed note", async () => {
    expect((await get("/ledger/checkpoint")).status).toBe(404);
    write();
    const answer = await get("/ledger/checkpoint");
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await answer.text()).toBe(ledger.checkpoint?.note);
  });

  test("/ledger/proof/<seq> is a proof that verifies with the stream's key", async () => {
    write();
    for (const seq of [0, 2, 6]) {
      const answer = await get(`/ledger/proof/${seq}`);
      expect(answer.status).toBe(200);
      const text = await answer.text();
      expect(() => verifyTlogProof(text, [ledger.verifierKey])).not.toThrow();
      expect(text).toContain(`index ${seq}\n`);
    }
  });

  test("a line that nothing signed covers yet has no proof", async () => {
    ledger.open("start").line(decision()).flush();
    const answer = await get("/ledger/proof/1");
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ error: expect.stringMatching(/checkpoint/) as string });
  });

  test("lines that do not fit the checkpoint give no proof", async () => {
    write();
    const path = join(directory, "00000000.ndjson");
    writeFileSync(path, readFileSync(path, "utf8").replace('"r2"', '"r9"'));
    const answer = await get("/ledger/proof/1");
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      error: expect.stringMatching(/ledger verify/) as string,
    });
  });

  test.each([
    "/ledger/7",
    "/ledger/proof/7",
    "/ledger/007",
    "/ledger/-1",
    "/ledger/1.0",
    "/ledger/99999999999999999",
    "/ledger/",
    "/ledger/1/",
    "/ledger/proof",
    "/ledger/proof/",
    "/ledger/proof/x",
    "/ledger/../ledger/00000000.ndjson",
    "/ledger/00000000.ndjson",
    "/ledger/salts.db",
    "/ledgers",
  ])("%s is not found", async (path) => {
    write();
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ error: expect.any(String) as string });
  });

  test("take no parameters", async () => {
    write();
    for (const path of ["/ledger/1?limit=1", "/ledger/checkpoint?x"])
      expect((await get(path)).status).toBe(400);
  });
});

describe("every page", () => {
  test.each(["/ledger", "/ledger/1", "/ledger/checkpoint"])(
    "%s is not cached, is read only, and HEAD says what GET would",
    async (path) => {
      write();
      const answer = await get(path);
      const length = (await answer.arrayBuffer()).byteLength;
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const head = await get(path, { method: "HEAD" });
      expect(head.status).toBe(200);
      expect(head.headers.get("content-length")).toBe(String(length));
      expect(await head.text()).toBe("");
      for (const method of ["POST", "PUT", "DELETE"]) {
        const refused = await get(path, { method });
        expect(refused.status).toBe(405);
        expect(refused.headers.get("allow")).toBe("GET, HEAD");
      }
    },
  );

  test("says what is wrong with a directory that is empty or gone", async () => {
    expect(await (await get("/ledger")).json()).toEqual({
      lines: [],
      next_before: null,
      damaged: 0,
    });
    expect((await get("/ledger/0")).status).toBe(404);
    rmSync(directory, { recursive: true });
    expect((await get("/ledger")).status).toBe(503);
    expect((await get("/ledger/0")).status).toBe(503);
  });
});

async function listenWith(pages: LedgerPages | undefined): Promise<string> {
  await listener.close();
  listener = await startOperatorListener({
    host: "127.0.0.1",
    port: 0,
    notReady: () => [],
    metrics: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    ledger: pages,
  });
  return `http://127.0.0.1:${listener.port}`;
}

test("a bug is a 500 without a word, and the other pages go on", async () => {
  write();
  await listenWith(ledgerPages({ directory, verifierKey: "not a key" }));
  for (let i = 0; i < 10; i++) {
    const answer = await get("/ledger/proof/1");
    expect([answer.status, await answer.text()]).toEqual([500, ""]);
  }
  expect((await get("/ledger")).status).toBe(200);
  expect((await get("/livez")).status).toBe(200);
});

test("without a ledger there are no such pages", async () => {
  await listenWith(undefined);
  for (const path of ["/ledger", "/ledger/0", "/ledger/checkpoint", "/ledger/proof/0"])
    expect((await get(path)).status).toBe(404);
});
