/** The commands that ask a running gateway, against the operators' pages on a real socket. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { constitutionPages } from "../../admin/constitution-pages.ts";
import type { Constitution } from "../../packs/life/constitution.ts";
import { ask, NOBODY, PackFolder } from "../../packs/life/pack-folder.test-support.ts";
import { BreakGlass } from "../../packs/panic/break-glass.ts";
import { createPackKey, readPublicKey } from "../../packs/sign/keys.ts";
import { addApproveBreakGlass } from "./approve-break-glass.ts";
import { addOperate } from "./operate.ts";
import { addShadowReport } from "./shadow-report.ts";

const approver = createPackKey();

let folder: PackFolder;
let constitution: Constitution;
let breakGlass: BreakGlass;
let server: Server;
let operator: string;
let printed: string[];

beforeEach(async () => {
  folder = new PackFolder();
  folder.write({ release: 1 });
  constitution = await folder.open();
  breakGlass = await BreakGlass.open({
    stateFile: join(folder.path, "breakglass.json"),
    nowMs: Date.now,
    approvals: { keys: [readPublicKey(approver.publicPem)] },
    onEvent: () => undefined,
  });
  const pages = constitutionPages({ constitution, breakGlass });
  server = createServer((incoming, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const { host, origin } = incoming.headers;
      const site = incoming.headers["sec-fetch-site"];
      const url = new URL(incoming.url ?? "", "http://operator");
      const answer = await pages({
        method: incoming.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        body: Buffer.concat(chunks),
        peerAddress: incoming.socket.remoteAddress ?? "",
        headers: { host, origin, secFetchSite: typeof site === "string" ? site : undefined },
      });
      response.writeHead(answer?.status ?? 404).end(answer?.text ?? "nothing here");
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  operator = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  printed = [];
  for (const method of ["log", "error"] as const)
    vi.spyOn(console, method).mockImplementation(
      (text: unknown) => void printed.push(String(text)),
    );
});

afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await breakGlass.close();
  await folder.remove();
});

/** Runs `pack ...`; its exit code. */
const run = async (...args: string[]): Promise<number> => {
  const pack = new Command("pack").exitOverride();
  addOperate(pack);
  addShadowReport(pack);
  addApproveBreakGlass(pack);
  process.exitCode = 0;
  await pack.parseAsync(args, { from: "user" });
  return process.exitCode;
};

describe("pack reload, promote, rollback and drop", () => {
  test("each says what the gateway did", async () => {
    const blake3 = folder.writeCandidate({ release: 2 });
    expect(await run("reload", "--stage", "next", "--operator", operator)).toBe(0);
    expect(await run("drop", "--stage", "next", "--operator", operator)).toBe(0);
    await run("reload", "--stage", "next", "--operator", operator);
    expect(await run("promote", "--operator", operator)).toBe(0);
    expect(printed).toEqual([
      `next: example v2 ${blake3}`,
      `next: example v2 ${blake3}`,
      `next: example v2 ${blake3}`,
      `active: example v2 ${blake3}`,
    ]);
    expect(await run("rollback", "--json", "--operator", operator)).toBe(0);
    expect(JSON.parse(printed.at(-1) as string)).toMatchObject({ ok: true, version: "v1" });
    expect(await run("reload", "--operator", operator)).toBe(0);
  });

  test("a refusal is said with its code, and exits with 1", async () => {
    expect(await run("promote", "--operator", operator)).toBe(1);
    expect(printed).toEqual([expect.stringMatching(/^refused: life\.no_candidate\n/)]);
  });

  test.each([
    ["nobody there", () => "http://127.0.0.1:1"],
    ["something else there", () => `${operator}/elsewhere/`],
    ["no address", () => "gateway"],
    ["another scheme", () => "file:///etc/passwd"],
  ])("with %s it exits with 2", async (_name, address) => {
    if (_name === "something else there")
      server.removeAllListeners("request").on("request", (_, answer) => answer.end("<html>"));
    expect(await run("promote", "--operator", address())).toBe(2);
    expect(printed.length).toBe(1);
  });
});

describe("pack shadow-report", () => {
  test("is a table of disagreements", async () => {
    folder.writeCandidate({ release: 2, group: "dev" });
    await constitution.reload("next");
    ask(constitution, "dev", { subject: { ...NOBODY, id: "req-1\u001B[2J" } });
    ask(constitution, "ops");
    ask(constitution, "none");
    expect(await run("shadow-report", "--operator", operator)).toBe(0);
    const [text = ""] = printed;
    expect(text).toContain("3 evaluated, 1 agreed, 1 would be let in, 1 would be kept out");
    expect(text).toMatch(
      /\n1 +default_deny +allow_member +deny -> allow .*req-1\?\[2J, active: P_Group is false/,
    );
    expect(text).toMatch(
      /\n1 +allow_member +default_deny +allow -> deny .*candidate: P_Group is false/,
    );
    expect(await run("shadow-report", "--json", "--operator", operator)).toBe(0);
    expect(JSON.parse(printed.at(-1) as string)).toMatchObject({ evaluated: 3 });
  });

  test("without a candidate there is none, which exits with 2", async () => {
    expect(await run("shadow-report", "--operator", operator)).toBe(2);
    expect(printed).toEqual(["no candidate has been loaded"]);
  });
});

describe("pack approve-break-glass", () => {
  test("prints what the gateway then takes, once", async () => {
    const key = join(folder.path, "approver.pem");
    writeFileSync(key, approver.privatePem);
    expect(await run("approve-break-glass", "--key", key, "--ttl", "60", "--reason", "fire")).toBe(
      0,
    );
    const body = printed.at(-1) as string;
    const send = (): Promise<Response> =>
      fetch(`${operator}/__breakglass`, { method: "POST", body });
    expect((await send()).status).toBe(200);
    expect(breakGlass.state).toMatchObject({ reason: "fire" });
    expect((await send()).status).toBe(422);
  });

  test("does not sign what no gateway takes", async () => {
    const key = join(folder.path, "approver.pem");
    writeFileSync(key, approver.privatePem);
    expect(await run("approve-break-glass", "--key", key, "--ttl", "0", "--reason", "fire")).toBe(
      2,
    );
    expect(await run("approve-break-glass", "--key", key, "--ttl", "9", "--reason", "a\nb")).toBe(
      2,
    );
  });
});
