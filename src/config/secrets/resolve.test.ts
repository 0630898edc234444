import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadConfiguration } from "../load.ts";
import { fileRef, publicRef, secretRef } from "./reference.ts";
import { resolveReferences, type ResolvedReferences, type ResolveOptions } from "./resolve.ts";
import { toApiPath } from "./vault.ts";

const schema = z.strictObject({
  secret: secretRef.optional(),
  secrets: z.record(z.string(), secretRef).default({}),
  key: fileRef.optional(),
  publicKey: publicRef.optional(),
  other: z.union([z.literal("none"), z.strictObject({ ca: fileRef })]).optional(),
});

const directory = mkdtempSync(join(tmpdir(), "portcullis-secrets-"));
const at = (name: string): string => join(directory, name);
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let answer: Answer;
let asked: IncomingMessage[];
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "localhost", done));
  ({ port } = server.address() as AddressInfo);
});
beforeEach(() => {
  asked = [];
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(directory, { recursive: true });
});

const json =
  (status: number, body: unknown): Answer =>
  (_, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

const vaultEnv = (): Record<string, string> => ({
  VAULT_ADDR: `http://localhost:${port}`,
  VAULT_TOKEN: "hvs.canary-token",
});

async function resolveText(
  text: string,
  options: Partial<ResolveOptions> = {},
): Promise<ResolvedReferences> {
  writeFileSync(at("portcullis.yaml"), text);
  const loaded = await loadConfiguration({ schema, path: at("portcullis.yaml") });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return resolveReferences(loaded, schema, {
    env: {},
    exposedFiles: "warn",
    awsAgentPort: port,
    timeoutMs: 2000,
    ...options,
  });
}

/** The secret's text, or the one error as "line:column message [hint]". */
async function outcomeOf(
  reference: string,
  options: Partial<ResolveOptions> = {},
): Promise<string> {
  const result = await resolveText(`secret: "${reference}"`, options);
  if (!result.ok) {
    expect(JSON.stringify(result)).not.toContain("canary");
    const [only] = result.diagnostics;
    return `${only?.line}:${only?.column} ${only?.message}${only?.hint === undefined ? "" : ` [${only.hint}]`}`;
  }
  expect(JSON.stringify(result)).not.toContain("canary");
  return (await result.reader.readSecret(secretRef.parse(reference))).reveal();
}

describe("variables and files", () => {
  test.each<[string, string | undefined, string]>([
    ["a value", "canary", "canary"],
    ["an unset variable", undefined, "1:9 environment variable JWT is not set"],
    ["an empty variable", "", "1:9 the secret is empty"],
  ])("%s", async (_, JWT, expected) =>
    expect(await outcomeOf("env:JWT", { env: { JWT } })).toBe(expected),
  );

  test.each<[string, string | Buffer, string]>([
    ["no line end", "canary", "canary"],
    ["a line end", "canary\n", "canary"],
    ["a Windows line end", "canary\r\n", "canary"],
    ["only one line end is taken away", "canary\n\n", "canary\n"],
    ["spaces are part of it", " canary ", " canary "],
    ["empty", "", "1:9 the secret is empty"],
    ["only a line end", "\n", "1:9 the secret is empty"],
    [
      "too large",
      "x".repeat(65_537),
      "1:9 secret.txt has 65537 bytes; 65536 are allowed for a secret",
    ],
  ])("a file with %s", async (_, content, expected) => {
    writeFileSync(at("secret.txt"), content, { mode: 0o600 });
    expect(await outcomeOf("file:secret.txt")).toBe(expected);
  });

  test("a file that does not exist is said with the place it was looked for", async () => {
    expect(await outcomeOf("file:no.txt")).toBe(
      `1:9 no.txt does not exist [looked for at ${at("no.txt")}]`,
    );
  });

  test("a directory is no file", async () => {
    mkdirSync(at("folder"), { recursive: true });
    expect(await outcomeOf("file:folder")).toBe(
      `1:9 folder is not a regular file [looked for at ${at("folder")}]`,
    );
  });

  test("bytes that are not text survive", async () => {
    writeFileSync(at("binary"), Buffer.from([0xff, 0, 0x0a, 0x80]), { mode: 0o600 });
    const result = await resolveText("secret: file:binary");
    if (!result.ok) throw new Error("refused");
    expect([
      ...(await result.reader.readSecret({ kind: "file", path: "binary" })).revealBytes(),
    ]).toEqual([255, 0, 10, 128]);
  });

  test("all failures at once, each with its place, and all files named for watching", async () => {
    const result = await resolveText(
      "secret: env:A\nsecrets:\n  b: file:absent\n  c: env:C\nother: {ca: file:gone}\n",
    );
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.diagnostics.map(({ line, column, path }) => `${line}:${column} ${path}`)).toEqual(
      ["1:9 secret", "3:6 secrets.b", "4:6 secrets.c", "5:13 other.ca"],
    );
    expect([...result.files]).toEqual([
      [at("absent"), "absent"],
      [at("gone"), "absent"],
    ]);
  });
});

describe.skipIf(process.platform === "win32")("files that everyone may read", () => {
  const PEM = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n";

  test.each<[string, string, number, boolean]>([
    ["a secret", "secret: file:exposed", 0o644, true],
    ["a secret that everyone may write", "secret: file:exposed", 0o602, true],
    ["a private key under any name", "key: file:exposed", 0o604, true],
    ["a private key inside a union", "other: {ca: file:exposed}", 0o644, true],
    ["a private key where a public one belongs", "publicKey: file:exposed", 0o644, true],
    ["a secret of a group", "secret: file:exposed", 0o640, false],
    ["a secret of one account", "secret: file:exposed", 0o600, false],
  ])("%s", async (_, text, mode, isExposed) => {
    writeFileSync(at("exposed"), PEM);
    chmodSync(at("exposed"), mode);
    const warned = await resolveText(text);
    expect(warned.ok && warned.warnings.map(({ severity }) => severity)).toEqual(
      isExposed ? ["warning"] : [],
    );
    const refused = await resolveText(text, { exposedFiles: "refuse" });
    expect(refused.ok).toBe(!isExposed);
    if (!refused.ok)
      expect(refused.diagnostics[0]?.message).toMatch(
        /^every account of this machine may read this file \(mode 060|\(mode 064/,
      );
  });

  test.each([
    ["a certificate", "key", "CERTIFICATE"],
    ["a public key", "publicKey", "PUBLIC KEY"],
  ])("%s may be read by everyone", async (_, field, label) => {
    writeFileSync(at("exposed"), `-----BEGIN ${label}-----\n`);
    chmodSync(at("exposed"), 0o644);
    expect((await resolveText(`${field}: file:exposed`, { exposedFiles: "refuse" })).ok).toBe(true);
  });

  test("a public key in a variable is kept like a secret", async () => {
    const found = await resolveText("publicKey: env:KEY", { env: { KEY: "canary" } });
    expect(found.ok && JSON.stringify(found)).not.toContain("canary");
    const missing = await resolveText("publicKey: env:KEY");
    expect(missing.ok).toBe(false);
  });
});

describe("Vault", () => {
  const found = { data: { data: { key: "canary", count: 5 }, metadata: { version: 3 } } };

  test("reads a field below /data/ with token, namespace and proof of no browser", async () => {
    answer = json(200, found);
    expect(
      await outcomeOf("vault:secret/portcullis/jwt#key", {
        env: { ...vaultEnv(), VAULT_NAMESPACE: "team" },
      }),
    ).toBe("canary");
    expect(asked[0]?.url).toBe("/v1/secret/data/portcullis/jwt");
    expect(asked[0]?.headers).toMatchObject({
      "x-vault-token": "hvs.canary-token",
      "x-vault-namespace": "team",
      "x-vault-request": "true",
    });
  });

  test.each([
    ["secret/portcullis", "secret/data/portcullis"],
    ["secret/data/portcullis", "secret/data/portcullis"],
    ["team/kv/data/portcullis", "team/kv/data/portcullis"],
    ["secret/data", "secret/data/data"],
  ])("%s is read at %s", (path, api) => expect(toApiPath(path)).toBe(api));

  test.each<[string, Answer, RegExp]>([
    [
      "no such field",
      json(200, { data: { data: {}, metadata: {} } }),
      /^1:9 "secret\/x" in Vault has no field "key"$/,
    ],
    [
      "a field that is no text",
      json(200, { data: { data: { key: 5 }, metadata: {} } }),
      /has no text in field "key"$/,
    ],
    [
      "a field of the prototype",
      json(200, JSON.parse('{"data":{"data":{"a":"canary"},"metadata":{}}}')),
      /has no field/,
    ],
    [
      "an engine of version 1",
      json(200, { data: { key: "canary" } }),
      /is not of a KV version 2 engine$/,
    ],
    [
      "nothing there",
      json(404, { errors: [] }),
      /Vault has nothing at "secret\/x" \[read at "secret\/data\/x"/,
    ],
    [
      "a deleted version",
      json(404, { data: { data: null, metadata: { deletion_time: "2026-01-01T00:00:00Z" } } }),
      /is deleted \[undelete it/,
    ],
    ["no right", json(403, { errors: ["canary"] }), /does not let VAULT_TOKEN read "secret\/x" \[/],
    ["sealed", json(503, { errors: ["Vault is sealed"] }), /sealed or not ready$/],
    [
      "another status",
      json(400, { errors: ["canary"] }),
      /answers with status 400 for "secret\/x"$/,
    ],
    ["no JSON", (_, response) => response.end("<html>canary"), /is not of a KV version 2 engine$/],
    [
      "a redirect",
      (_, response) => response.writeHead(307, { location: "http://localhost:1/canary" }).end(),
      /answers with a redirect \[redirects are not followed/,
    ],
    [
      "a broken connection",
      (request) => request.socket.destroy(),
      /cannot be reached at http:\/\/localhost:\d+: /,
    ],
    [
      "an endless answer",
      (_, response) => {
        response.write("x".repeat(1_600_000));
      },
      /more than 1572864 bytes$/,
    ],
  ])("%s", async (_, given, expected) => {
    answer = given;
    expect(await outcomeOf("vault:secret/x#key", { env: vaultEnv() })).toMatch(expected);
    expect(asked.every(({ url }) => url === "/v1/secret/data/x")).toBe(true);
  });

  test.each<[string, Answer]>([
    ["never answers", () => undefined],
    [
      "never ends",
      (_, response) => {
        response.writeHead(200).write("{");
      },
    ],
  ])("a keeper that %s", async (_, given) => {
    answer = given;
    expect(await outcomeOf("vault:secret/x#key", { env: vaultEnv(), timeoutMs: 200 })).toBe(
      "1:9 Vault does not answer within 200 ms",
    );
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["no token", { VAULT_TOKEN: "" }, /VAULT_TOKEN is not set/],
    [
      "a token with a line end inside",
      { VAULT_TOKEN: "canary\r\nx: y" },
      /characters that no token has/,
    ],
    ["no address", { VAULT_ADDR: "" }, /VAULT_ADDR is not a URL/],
    ["no URL", { VAULT_ADDR: "vault" }, /VAULT_ADDR is not a URL/],
    [
      "http to another machine",
      { VAULT_ADDR: "http://192.0.2.1:8200" },
      /neither https nor on this machine/,
    ],
    [
      "http to a name that only looks local",
      { VAULT_ADDR: "http://127.0.0.1.example:8200" },
      /neither https nor on this machine/,
    ],
    ["another scheme", { VAULT_ADDR: "file:///etc" }, /neither https nor on this machine/],
    [
      "credentials in the address",
      { VAULT_ADDR: "https://u:canary@vault.example" },
      /holds credentials/,
    ],
    [
      "nobody there",
      { VAULT_ADDR: "http://127.0.0.1:1" },
      /cannot be reached at http:\/\/127\.0\.0\.1:1: /,
    ],
  ])("%s", async (_, env, expected) => {
    answer = json(500, {});
    expect(await outcomeOf("vault:secret/x#key", { env: { ...vaultEnv(), ...env } })).toMatch(
      expected,
    );
    expect(asked).toEqual([]);
  });

  test("one reference is asked for once", async () => {
    answer = json(200, found);
    const result = await resolveText("secrets: {a: vault:secret/x#key, b: vault:secret/x#key}", {
      env: vaultEnv(),
    });
    if (!result.ok) throw new Error("refused");
    await result.reader.readSecret(secretRef.parse("vault:secret/x#key"));
    expect(asked).toHaveLength(1);
  });
});

describe("the AWS Secrets Manager Agent", () => {
  const env = { AWS_TOKEN: "canary-token" };
  const secret = (SecretString: string): Answer =>
    json(200, { ARN: "arn:x", Name: "portcullis/jwt", SecretString });

  test("asks with name and token", async () => {
    answer = secret('{"key":"canary"}');
    expect(await outcomeOf("aws:portcullis/jwt+x#key", { env })).toBe("canary");
    expect(asked[0]?.url).toBe("/secretsmanager/get?secretId=portcullis%2Fjwt%2Bx");
    expect(asked[0]?.headers["x-aws-parameters-secrets-token"]).toBe("canary-token");
  });

  test("without a field it is the whole text", async () => {
    answer = secret("canary");
    expect(await outcomeOf("aws:portcullis/jwt", { env })).toBe("canary");
  });

  test("the token may stand in a file", async () => {
    writeFileSync(at("token"), "canary-of-file\n");
    answer = secret("canary");
    expect(
      await outcomeOf("aws:x", {
        env: { AWS_TOKEN: `file://${at("token")}`, AWS_SESSION_TOKEN: "no" },
      }),
    ).toBe("canary");
    expect(asked[0]?.headers["x-aws-parameters-secrets-token"]).toBe("canary-of-file");
  });

  test.each<[string, Record<string, string>, string]>([
    [
      "the session token",
      { AWS_SESSION_TOKEN: "session", AWS_CONTAINER_AUTHORIZATION_TOKEN: "container" },
      "session",
    ],
    ["the container's token", { AWS_CONTAINER_AUTHORIZATION_TOKEN: "container" }, "container"],
  ])("%s will do", async (_, variables, token) => {
    answer = secret("canary");
    await outcomeOf("aws:x", { env: variables });
    expect(asked[0]?.headers["x-aws-parameters-secrets-token"]).toBe(token);
  });

  test.each<[string, Answer, RegExp]>([
    ["a wrong token", json(403, "Bad Token"), /refuses its token \[AWS_TOKEN/],
    ["no such secret", json(400, "canary"), /answers with status 400 for "x" \[/],
    ["another server", json(404, "not found"), /is something else$/],
    ["a binary secret", json(200, { SecretBinary: "AAAA" }), /"x" is not a text/],
    ["no JSON inside", secret("canary"), /"x" is not JSON \[write the reference without "#key"/],
    ["no such field", secret('{"other":"canary"}'), /"x" has no field "key"$/],
    ["a field of the prototype", secret("{}"), /has no field "key"$/],
    [
      "a redirect",
      (_, response) => response.writeHead(302, { location: "http://192.0.2.1/" }).end(),
      /redirect/,
    ],
  ])("%s", async (_, given, expected) => {
    answer = given;
    expect(await outcomeOf("aws:x#key", { env })).toMatch(expected);
  });

  test("a token file that is not there", async () => {
    expect(await outcomeOf("aws:x", { env: { AWS_TOKEN: `file://${at("no-token")}` } })).toMatch(
      /^1:9 the token file of the AWS Secrets Manager Agent does not exist/,
    );
  });
});
