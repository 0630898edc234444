import { createServer, type AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { call } from "../support/calling.ts";
import { Command, runCommand } from "./command.ts";
import { configurationFolder, type ConfigurationFolder } from "./configuration-folder.ts";

const CONFIGURATION = {
  version: 1,
  listeners: [{ name: "callers", bind: "127.0.0.1:0" }],
  operator: { bind: "127.0.0.1:0" },
  identity: { apiKeys: {} },
  upstreams: { model: { targets: ["http://127.0.0.1:1"] } },
  routes: [{ path: "/core/**", upstream: "model" }],
};

function start(folder: ConfigurationFolder, nodeOptions: readonly string[] = []): Command {
  return new Command(["run", "--config", folder.configPath], { nodeOptions });
}

/** On a connection that ends with the answer: a kept one would hold up the drain for a second. */
async function statusAt(port: number, path: string): Promise<number> {
  const request = { method: "GET", path, headers: { connection: "close" } };
  return (await call({ origin: `http://127.0.0.1:${port}`, transport: "http/1.1" }, request))
    .status;
}

async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("portcullis run", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("serves until %s, then ends with 0", async (signal) => {
    const gateway = start(configurationFolder({ "portcullis.yaml": CONFIGURATION }));
    expect(await statusAt(await gateway.portOf("callers"), "/core/x")).toBe(401);
    expect(await statusAt(await gateway.portOf("operator"), "/readyz")).toBe(200);
    gateway.signal(signal);
    const { code, stderr } = await gateway.finished();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      gateway
        .lines()
        .map(({ msg }) => msg)
        .filter((msg) => msg !== "request"),
    ).toEqual(["listening", "listening", "draining", "drained"]);
  });

  test("reads its configuration again on SIGHUP, changed or not", async () => {
    const gateway = start(configurationFolder({ "portcullis.yaml": CONFIGURATION }));
    const port = await gateway.portOf("callers");
    gateway.signal("SIGHUP");
    await gateway.line(({ msg }) => msg === "configuration taken");
    expect(gateway.lines().some(({ msg }) => msg === "files changed")).toBe(false);
    expect(await statusAt(port, "/core/x")).toBe(401);
    gateway.signal("SIGTERM");
    expect((await gateway.finished()).code).toBe(0);
  });

  test("takes a changed file by itself", async () => {
    const folder = configurationFolder({ "portcullis.yaml": CONFIGURATION });
    const gateway = start(folder);
    const port = await gateway.portOf("callers");
    expect(await statusAt(port, "/new/x")).toBe(404);
    folder.write("portcullis.yaml", {
      ...CONFIGURATION,
      routes: [{ path: "/new/**", upstream: "model" }],
    });
    await gateway.line(({ msg }) => msg === "configuration taken");
    expect(await statusAt(port, "/new/x")).toBe(401);
    expect(await statusAt(port, "/core/x")).toBe(404);
  });

  test.each([
    ["a caller's port", (port: number) => ({ listeners: [{ bind: `127.0.0.1:${port}` }] })],
    ["the operator's port", (port: number) => ({ operator: { bind: `127.0.0.1:${port}` } })],
  ])("with %s taken says what to do, and ends with 1", async (_name, change) => {
    const port = await takePort();
    const folder = configurationFolder({
      "portcullis.yaml": { ...CONFIGURATION, ...change(port) },
    });
    const { code, stderr } = await start(folder).finished();
    expect(stderr).toContain(
      `cannot listen on 127.0.0.1:${port}: another program listens there. Stop it`,
    );
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(1);
  });

  test("with a broken configuration shows the mistakes and ends with 1", async () => {
    const folder = configurationFolder({ "portcullis.yaml": { ...CONFIGURATION, waff: {} } });
    const { code, stdout, stderr } = await start(folder).finished();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/portcullis\.yaml:\d+:1: error: .*waff/);
    expect(stderr).not.toContain("    at ");
  });

  test.each([
    ["deprecated interfaces of Node that throw", ["--throw-deprecation", "--pending-deprecation"]],
    ["no __proto__ on objects", ["--disable-proto=delete"]],
    ["rejections that nobody handles end it", ["--unhandled-rejections=strict"]],
    ["a small heap", ["--max-old-space-size=64"]],
  ])("runs under Node's options: %s", async (_name, options) => {
    const gateway = start(configurationFolder({ "portcullis.yaml": CONFIGURATION }), options);
    expect(await statusAt(await gateway.portOf("callers"), "/core/x")).toBe(401);
    gateway.signal("SIGTERM");
    const { code, stderr } = await gateway.finished();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("shows its version", async () => {
    const { code, stdout } = await runCommand(["--version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
