import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { rootSchema } from "../../gateway/schema.ts";
import { renderConfiguration } from "./demo-configuration.ts";
import { createDemoFolder } from "./demo-folder.ts";

const root = mkdtempSync(join(tmpdir(), "portcullis-demo-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("nobody but the owner can read the folder, and git ignores all of it", async () => {
  const folder = await createDemoFolder(join(root, ".portcullis", "demo"));
  folder.write("token", "secret");
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(folder.path)) {
    expect(statSync(folder.file(name)).mode & 0o777, name).toBe(0o600);
  }
  expect(readFileSync(join(root, ".portcullis", ".gitignore"), "utf8")).toBe("*\n");
});

test("each start has new keys, and the authority's own key is never written", async () => {
  const path = join(root, ".portcullis", "demo");
  const first = await createDemoFolder(path);
  const firstKey = readFileSync(first.file("server.key"), "utf8");
  writeFileSync(first.file("left-over"), "");
  const second = await createDemoFolder(path);
  expect(readFileSync(second.file("server.key"), "utf8")).not.toBe(firstKey);
  expect(readdirSync(path)).not.toContain("left-over");
  expect(readdirSync(path).filter((name) => name.endsWith(".key"))).toEqual([
    "ledger.key",
    "server.key",
  ]);
  const server = new X509Certificate(readFileSync(second.file("server.crt")));
  expect(server.checkIssued(new X509Certificate(second.ca))).toBe(true);
  expect(server.checkIP("127.0.0.1")).toBe("127.0.0.1");
});

test("the configuration is one that the gateway takes", () => {
  const text = renderConfiguration({
    port: 8443,
    operatorPort: 9457,
    issuer: "http://127.0.0.1:4000",
    jwksUrl: "http://127.0.0.1:4000/jwks",
    modelPort: 4001,
    slowModelPort: 4002,
    ledgerDirectory: "ledger",
  });
  const { success, error } = rootSchema.safeParse(parse(text));
  expect(error?.issues ?? []).toEqual([]);
  expect(success).toBe(true);
});
