/** The mirror against a store that checks what S3 checks; test/peers has a real one. */
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { createTestLedger, type TestLedger } from "./ledger-files.test-support.ts";
import { joinOutward, type Outward } from "./outward.ts";
import { objectUrl } from "./s3-client.ts";
import { createS3Mirror, keyPartOf, type S3MirrorOptions } from "./s3-mirror.ts";
import { openSegmentFeed } from "./segment-feed.ts";
import { startStrictStore, type StrictStore } from "./strict-store.test-support.ts";

const PATIENCE_MS = 20_000;
const FIRST = "/bucket/ledger/2026-11-22/eu-1-0.ndjson.gz";

let ledger: TestLedger;
let store: StrictStore;
let outward: Outward | undefined;
beforeEach(async () => {
  ledger = await createTestLedger();
  store = await startStrictStore();
  await ledger.append(300);
  await ledger.rotate();
});
afterEach(async () => {
  await outward?.close();
  outward = undefined;
  await store.close();
  await ledger.remove();
});

async function open(options: Partial<S3MirrorOptions> = {}): Promise<Outward> {
  const sink = createS3Mirror({
    place: { endpoint: store.url, region: "eu-1", bucket: "bucket", addressing: "path" },
    credentials: async () => ({
      accessKeyId: "id",
      secretAccessKey: "secret",
      sessionToken: "session",
    }),
    gateway: "eu-1",
    ...options,
  });
  outward = joinOutward({
    mirror: await openSegmentFeed({
      directory: ledger.directory,
      statePath: join(ledger.directory, "mirror.json"),
      checkpointIntervalMs: 1,
      backoff: { firstMs: 1, limitMs: 20 },
      sink,
    }),
  });
  return outward;
}

const first = () => ({ segment: 0, path: ledger.path(0), firstSeq: 0, lastSeq: 1 });
const confirmed = () =>
  until("the segment", () => outward?.mayRemove(first()) === true, PATIENCE_MS);
const lastCode = (): string | undefined => outward?.status()["mirror"]?.lastError?.code;

describe.each(["read", "head"] as const)("with verification by %s", (verification) => {
  test("a segment and a checkpoint arrive as S3 wants them", async () => {
    const opened = await open({ verification });
    opened.observe({ kind: "checkpoint", note: ledger.note, size: ledger.size });
    await confirmed();
    const latest = "/bucket/ledger/checkpoints/eu-1/latest";
    await until("the checkpoint", () => store.objects.has(latest), PATIENCE_MS);
    expect(store.faults).toEqual([]);
    const { body, headers } = store.objects.get(FIRST) ?? { body: Buffer.alloc(0), headers: {} };
    expect(gunzipSync(body)).toEqual(await readFile(ledger.path(0)));
    expect(headers["x-amz-security-token"]).toBe("session");
    expect(store.objects.get(latest)?.body.toString("utf8")).toBe(ledger.note);
  });

  test.each([
    { name: "changed", keep: (body: Buffer) => Buffer.from(body).fill(0, 20, 21) },
    { name: "cut", keep: (body: Buffer) => body.subarray(0, -1) },
  ])("what is kept $name is noticed, and not confirmed until it is right", async ({ keep }) => {
    store.keep = keep;
    const opened = await open({ verification });
    await until("it is noticed", () => lastCode() === "mirror.mismatch", PATIENCE_MS);
    expect(opened.mayRemove(first())).toBe(false);
    store.keep = (body) => body;
    await confirmed();
  });
});

test("a store that gives no checksum is not believed", async () => {
  store.hasChecksums = false;
  await open({ verification: "head" });
  await until("it is told", () => lastCode() === "mirror.mismatch", PATIENCE_MS);
  expect(outward?.status()["mirror"]?.lastError?.message).toContain("`read`");
});

test.each([
  {
    addressing: "path",
    endpoint: "https://s3.example:9000",
    url: "https://s3.example:9000/b-1/a/b.gz",
  },
  { addressing: "path", endpoint: "https://x.example/s3/", url: "https://x.example/s3/b-1/a/b.gz" },
  {
    addressing: "virtual_host",
    endpoint: "https://s3.eu-central-1.amazonaws.com",
    url: "https://b-1.s3.eu-central-1.amazonaws.com/a/b.gz",
  },
] as const)("$addressing addressing at $endpoint", ({ addressing, endpoint, url }) => {
  const place = { endpoint, region: "eu-1", bucket: "b-1", addressing };
  expect(objectUrl(place, "a/b.gz").href).toBe(url);
});

test.each([
  { gateway: "eu-1.example", key: "eu-1.example" },
  { gateway: "example.com/eu-1", key: "example.com~2Feu-1" },
  { gateway: "a~2Fb", key: "a~7E2Fb" },
  { gateway: "../é ?", key: "..~2F~C3~A9~20~3F" },
])("the gateway $gateway stands in keys as $key", ({ gateway, key }) => {
  expect(keyPartOf(gateway)).toBe(key);
});

test.each(["", "/a", "a/", "a//b", "a?b", "a b", "%2e"])("%j is no prefix", (keyPrefix) => {
  expect(() =>
    createS3Mirror({
      place: { endpoint: "https://s3.example", region: "r", bucket: "b", addressing: "path" },
      credentials: () => ({ accessKeyId: "", secretAccessKey: "" }),
      gateway: "g",
      keyPrefix,
    }),
  ).toThrow(TypeError);
});
