/** The mirror against a real S3-compatible server (moto's), on a way where things go wrong. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  createTestLedger,
  type TestLedger,
} from "../../src/ledger/outward/ledger-files.test-support.ts";
import type { OutwardPiece } from "../../src/ledger/outward/outward-piece.ts";
import type { S3Credentials } from "../../src/ledger/outward/s3-client.ts";
import { createS3Mirror, type S3MirrorOptions } from "../../src/ledger/outward/s3-mirror.ts";
import { openSegmentFeed } from "../../src/ledger/outward/segment-feed.ts";
import { type Moto, prepareMoto, startMoto } from "../support/moto.ts";
import { startTroubledProxy, type Trouble, type TroubledProxy } from "../support/troubled-proxy.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 25_000;
const FIRST = "ledger/2026-11-22/gateway.example~2Feu-1-0.ndjson.gz";
const CREDENTIALS = { accessKeyId: "mirror", secretAccessKey: "secret" };

const python = prepareMoto();

let moto: Moto;
let proxy: TroubledProxy;
let ledger: TestLedger;
let bucket: string;
let feed: OutwardPiece | undefined;

async function open(
  options: Partial<S3MirrorOptions> = {},
  credentials: () => S3Credentials = () => CREDENTIALS,
): Promise<OutwardPiece> {
  feed = await openSegmentFeed({
    directory: ledger.directory,
    statePath: join(ledger.directory, "mirror.json"),
    checkpointIntervalMs: 1,
    backoff: { firstMs: 1, limitMs: 50 },
    sink: createS3Mirror({
      place: { endpoint: proxy.url, region: "us-east-1", bucket, addressing: "path" },
      credentials,
      gateway: "gateway.example/eu-1",
      ...options,
    }),
  });
  return feed;
}

const confirmed = (segment = 0) =>
  until("confirmed", () => feed?.mayRemove(segment) === true, PATIENCE_MS);
const failed = (code: string) =>
  until(`an attempt ends with ${code}`, () => feed?.status().lastError?.code === code, PATIENCE_MS);
const puts = (): string[] => proxy.seen.filter((line) => line.startsWith("PUT "));

async function stored(key: string): Promise<string> {
  const answer = await moto.get(bucket, key);
  expect(answer.status).toBe(200);
  return gunzipSync(Buffer.from(await answer.arrayBuffer())).toString("utf8");
}

/** The trouble for the first `count` uploads. */
function troubleUploads(trouble: Trouble, count: number): void {
  let left = count;
  proxy.trouble = (method) => (method === "PUT" && left-- > 0 ? trouble : "none");
}

describe.skipIf(python === undefined)("the mirror on a real S3-compatible server", () => {
  beforeAll(async () => {
    moto = await startMoto(python as string);
    proxy = await startTroubledProxy(moto.url);
  });
  afterAll(async () => {
    await proxy?.close();
    await moto?.stop();
  });
  beforeEach(async () => {
    proxy.trouble = () => "none";
    proxy.seen.length = 0;
    bucket = await moto.createBucket();
    ledger = await createTestLedger();
    await ledger.append(400);
    await ledger.rotate();
  });
  afterEach(async () => {
    await feed?.close();
    feed = undefined;
    await ledger.remove();
  });

  test("closed segments are there under their day, gateway and first line; the active one is not", async () => {
    await ledger.append(3);
    const second = await ledger.rotate();
    await ledger.compress(0);
    await open();
    await confirmed(1);
    const keys = [FIRST, `ledger/2026-11-22/gateway.example~2Feu-1-${second.firstSeq}.ndjson.gz`];
    expect(await moto.keys(bucket)).toEqual(keys);
    const all = await Promise.all(keys.map((key) => stored(key)));
    expect(all.join("")).toBe(
      gunzipSync(await readFile(ledger.path(0, ".gz"))).toString("utf8") +
        (await readFile(ledger.path(1), "utf8")),
    );
    const { headers } = await moto.head(bucket, keys[1] as string);
    expect(headers.get("content-type")).toBe("application/gzip");
    expect(headers.get("x-amz-meta-first-seq")).toBe(String(second.firstSeq));
    expect(headers.get("x-amz-meta-last-seq")).toBe(String(second.lastSeq));
    expect(feed?.status()).toMatchObject({ pending: 0, sent: 2, failed: 0, lost: 0 });
  });

  test("checkpoints are there under their size, and the newest as `latest`", async () => {
    const opened = await open({ keyPrefix: "a/b" });
    opened.checkpoint(ledger.note, ledger.size);
    const folder = "a/b/checkpoints/gateway.example~2Feu-1";
    const has = (key: string) => async () => (await moto.keys(bucket)).includes(key);
    await until("the first", has(`${folder}/latest`), PATIENCE_MS);
    const first = { note: ledger.note, size: ledger.size };
    await ledger.append(1);
    opened.checkpoint(ledger.note, ledger.size);
    await until("the second", has(`${folder}/${ledger.size}.note`), PATIENCE_MS);
    await opened.close();
    const noteAt = async (name: string) => (await moto.get(bucket, `${folder}/${name}`)).text();
    expect(await noteAt(`${first.size}.note`)).toBe(first.note);
    expect(await noteAt(`${ledger.size}.note`)).toBe(ledger.note);
    expect(await noteAt("latest")).toBe(ledger.note);
  });

  test("an upload that was cut off is done again after a restart", async () => {
    proxy.trouble = (method) => (method === "PUT" ? "cut" : "none");
    const opened = await open();
    await failed("outward.unreachable");
    expect(opened.mayRemove(0)).toBe(false);
    await opened.close();
    proxy.trouble = () => "none";
    await open();
    await confirmed();
    expect(await stored(FIRST)).toBe(await readFile(ledger.path(0), "utf8"));
  });

  test("an upload whose answer was lost is found, not sent twice", async () => {
    troubleUploads("lose", 1);
    await open();
    await confirmed();
    expect(puts()).toHaveLength(1);
  });

  test("what is there is found when the mirror's memory is gone", async () => {
    const opened = await open();
    await confirmed();
    await opened.close();
    await rm(join(ledger.directory, "mirror.json"));
    await open();
    await confirmed();
    expect(puts()).toHaveLength(1);
  });

  test("another object under the same key is replaced", async () => {
    await open();
    await confirmed();
    await feed?.close();
    await rm(join(ledger.directory, "mirror.json"));
    const other = await createTestLedger();
    await other.append(7);
    await other.rotate();
    await writeFile(ledger.path(0), await readFile(other.path(0)));
    await other.remove();
    await open();
    await confirmed();
    expect(puts()).toHaveLength(2);
    expect(await stored(FIRST)).toBe(await readFile(ledger.path(0), "utf8"));
  });

  test("an upload that arrived with a flipped bit is noticed and sent again", async () => {
    troubleUploads("flip", 2);
    await open();
    await confirmed();
    expect(puts()).toHaveLength(3);
    expect(feed?.status()).toMatchObject({ failed: 2, lastError: { code: "mirror.mismatch" } });
    expect(await stored(FIRST)).toBe(await readFile(ledger.path(0), "utf8"));
  });

  test("errors of the server are borne until they end", async () => {
    troubleUploads("refuse", 3);
    await open();
    await confirmed();
    expect(feed?.status()).toMatchObject({
      failed: 3,
      lastError: { code: "mirror.refused", message: expect.stringContaining("500") as string },
    });
  });

  test("a server that hangs is given up and asked again", async () => {
    troubleUploads("hang", 2);
    await open({ idleLimitMs: 1_000 });
    await confirmed();
    expect(feed?.status().failed).toBeGreaterThanOrEqual(2);
    expect(feed?.status().lastError).toMatchObject({ code: "outward.timeout" });
  });

  test("a bucket that is not there is told with what to do", async () => {
    bucket = "nowhere";
    await open();
    await failed("mirror.refused");
    expect(feed?.status().lastError?.message).toMatch(/404|NoSuchBucket/);
    expect(feed?.status().pending).toBe(1);
  });

  describe("object lock", () => {
    const lock = { mode: "COMPLIANCE", retainDays: 30 } as const;

    test("is set on segments and checkpoints, and not on `latest`", async () => {
      bucket = await moto.createBucket({ hasLock: true });
      const opened = await open({ lock });
      opened.checkpoint(ledger.note, ledger.size);
      await confirmed();
      const folder = "ledger/checkpoints/gateway.example~2Feu-1";
      const latest = `${folder}/latest`;
      await until("latest", async () => (await moto.keys(bucket)).includes(latest), PATIENCE_MS);
      for (const key of [FIRST, `${folder}/${ledger.size}.note`]) {
        const { headers } = await moto.head(bucket, key);
        expect(headers.get("x-amz-object-lock-mode")).toBe("COMPLIANCE");
        const untilMs = Date.parse(headers.get("x-amz-object-lock-retain-until-date") ?? "");
        expect(Math.round((untilMs - Date.now()) / 86_400_000)).toBe(30);
      }
      expect((await moto.head(bucket, latest)).headers.get("x-amz-object-lock-mode")).toBeNull();
    });

    test("on a bucket without one is refused and told", async () => {
      await open({ lock });
      await failed("mirror.refused");
      expect(feed?.mayRemove(0)).toBe(false);
    });
  });

  test("each request is signed with the credentials of that moment", async () => {
    const [old, renewed] = [await moto.createUser("old"), await moto.createUser("renewed")];
    await moto.requireSignatures(true);
    try {
      let current: S3Credentials = { ...old, secretAccessKey: "not-the-secret" };
      // The server checks the signature against the address it knows.
      const place = {
        endpoint: moto.url,
        region: "us-east-1",
        bucket,
        addressing: "path",
      } as const;
      await open({ place }, () => current);
      await failed("mirror.refused");
      expect(feed?.status().lastError?.message).toMatch(/403/);
      current = old;
      await confirmed();
      current = renewed;
      const closed = await ledger.rotate();
      feed?.segmentClosed(closed);
      await confirmed(closed.segment);
    } finally {
      await moto.requireSignatures(false);
    }
  });
});
