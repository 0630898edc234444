/**
 * The engine in frameworks that are not ours: each example runs as it is published, as a process of its own, and meets
 * real requests. Set PORTCULLIS_FRAMEWORKS to a folder in which express, fastify, hono and @hono/node-server are installed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const PATIENCE_MS = 60_000;
const ADAPTER_LINES = 20;
const FRAMEWORKS = ["express", "fastify", "hono"] as const;

const installed = join(process.env["PORTCULLIS_FRAMEWORKS"] ?? "", "node_modules");
const isHere = [...FRAMEWORKS, "@hono/node-server"].every((name) =>
  existsSync(join(installed, name)),
);
if (!isHere)
  console.warn(
    "SKIPPED: set PORTCULLIS_FRAMEWORKS to a folder with express, fastify, hono and @hono/node-server; the examples of the engine are not tried",
  );

const RULES = String.raw`
SecRule ARGS "@detectSQLi" "id:1,phase:2,deny,status:403,t:none,t:urlDecodeUni"
SecRule REQUEST_HEADERS:User-Agent "@contains evilbot" "id:2,phase:1,deny,status:404,t:none,t:lowercase"
SecRule REQUEST_LINE "@contains %2e%2e" "id:3,phase:1,deny,status:403,t:none,t:lowercase"
SecRule &REQUEST_HEADERS:X-Twice "@gt 1" "id:4,phase:1,deny,status:403,t:none"
`;

const SQL = '{"q":"1\' or 1=1 union select a from b--"}';
const PLAIN = { "content-type": "text/plain" };

/** The examples beside the packages that they import, ours by its published name. */
function layOut(): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-frameworks-"));
  const modules = join(folder, "app/node_modules");
  mkdirSync(modules, { recursive: true });
  mkdirSync(join(folder, "package"));
  mkdirSync(join(folder, "app/rules"));
  writeFileSync(join(folder, "app/crs-setup.conf"), "SecRuleEngine On\n");
  writeFileSync(join(folder, "app/rules/test.conf"), RULES);
  writeFileSync(join(folder, "app/package.json"), '{"type":"module"}');
  cpSync(join(ROOT, "examples/seclang"), join(folder, "app"), { recursive: true });
  for (const name of [...FRAMEWORKS, "@hono"])
    symlinkSync(join(installed, name), join(modules, name));
  // Outside of node_modules, where Node takes no types off.
  const manifest = { name: "portcullis", exports: { "./seclang": "./seclang/index.ts" } };
  writeFileSync(join(folder, "package/package.json"), JSON.stringify(manifest));
  symlinkSync(join(ROOT, "src/seclang"), join(folder, "package/seclang"));
  symlinkSync(join(folder, "package"), join(modules, "portcullis"));
  return folder;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
}

async function post(port: number, { path = "/ask", headers = {}, body = "{}" }: Sent) {
  const request = httpRequest({
    host: "127.0.0.1",
    port,
    path,
    method: "POST",
    headers: { "content-type": "application/json", ...headers } as Record<string, string>,
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode, body: Buffer.concat(parts).toString("utf8") };
}

test.each(FRAMEWORKS)(
  "the adapter for %s is short, and knows the engine by its published name",
  (name) => {
    const text = readFileSync(join(ROOT, "examples/seclang", `${name}.ts`), "utf8");
    expect(text.split("\n").length).toBeLessThanOrEqual(ADAPTER_LINES);
    expect(text).not.toContain("../src/");
    expect(readFileSync(join(ROOT, "examples/seclang/inspect.ts"), "utf8")).toContain(
      '"portcullis/seclang"',
    );
  },
);

// Not registered where the frameworks are not installed: a test that is skipped counts as none.
const inFrameworks = isHere ? describe : () => undefined;

inFrameworks("the engine in a framework", { timeout: PATIENCE_MS }, () => {
  let folder = "";
  beforeAll(() => {
    folder = layOut();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(FRAMEWORKS)("%s", (framework) => {
    let port = 0;
    let stop: () => Promise<void>;
    beforeAll(async () => {
      port = await freePort();
      const child = spawn(process.execPath, [`${framework}.ts`], {
        cwd: join(folder, "app"),
        env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
        stdio: ["ignore", "ignore", "pipe"],
      });
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
      const closed = once(child, "close");
      stop = async () => {
        child.kill("SIGKILL");
        await closed;
      };
      for (const endsMs = performance.now() + PATIENCE_MS; ; await sleep(50)) {
        if (await post(port, {}).then(Boolean, () => false)) return;
        if (child.exitCode !== null || performance.now() > endsMs)
          throw new Error(`${framework} did not start: ${said}`);
      }
    }, PATIENCE_MS);
    afterAll(() => stop());

    test("an ordinary request passes, and the handler gets its body", async () => {
      const body = JSON.stringify({ q: "what is the weather in Zürich?" });
      expect(await post(port, { body })).toEqual({ status: 200, body });
    });

    test.each<[string, Sent, number]>([
      ["SQL injection in the body", { body: SQL }, 403],
      ["the same in the query", { path: "/ask?q=1%27+or+1=1+union+select+a+from+b--" }, 403],
      ["a header", { headers: { "user-agent": "EvilBot/1" } }, 404],
      ["the path as it was sent", { path: "/a/%2e%2e/ask" }, 403],
      ["a header that comes twice", { headers: { "x-twice": ["a", "b"] } }, 403],
      ["a body that is no JSON", { body: '{"q":' }, 400],
      ["a type that rules read otherwise than the handler", { headers: PLAIN, body: SQL }, 415],
    ])("%s is refused", async (_name, sent, status) => {
      const answer = await post(port, sent);
      expect(answer.status).toBe(status);
      expect(answer.body).not.toContain("union");
    });

    test("a compressed body is refused, whether the framework unpacks it or not", async () => {
      const headers = { "content-encoding": "gzip" };
      const { status } = await post(port, { headers, body: gzipSync(SQL) });
      expect([400, 403]).toContain(status);
    });

    test("a body in slices is inspected to its end", async () => {
      const filler = "word ".repeat(30_000);
      const good = JSON.stringify({ q: filler });
      expect((await post(port, { body: good })).status).toBe(200);
      const bad = JSON.stringify({ q: filler, z: "1' or 1=1 union select a from b--" });
      expect((await post(port, { body: bad })).status).toBe(403);
    });
  });
});
