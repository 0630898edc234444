import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { startOperatorListener, type OperatorListener } from "./operator-listener.ts";
import { OPERATOR_BODY_BYTES, type OperatorRequest } from "./operator-request.ts";

let listener: OperatorListener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

async function start(notReady: readonly string[] = []): Promise<string> {
  listener = await startOperatorListener({
    host: "127.0.0.1",
    port: 0,
    notReady: () => notReady,
    metrics: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
  });
  return `http://127.0.0.1:${listener.port}`;
}

describe("the operator listener", () => {
  test.each([
    ["/livez", 200, '{"status":"alive"}\n'],
    ["/readyz", 200, '{"status":"ready","notReady":[]}\n'],
    ["/metrics", 200, "up 1\n"],
    ["/", 404, '{"error":"not found"}\n'],
    ["/livez/", 404, '{"error":"not found"}\n'],
    ["/__proto__", 404, '{"error":"not found"}\n'],
    ["/constructor", 404, '{"error":"not found"}\n'],
  ])("answers %s with %i", async (path, status, text) => {
    const answer = await fetch((await start()) + path);
    expect([answer.status, await answer.text()]).toEqual([status, text]);
  });

  test("says what is not ready", async () => {
    const answer = await fetch(`${await start(["draining"])}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: "not ready", notReady: ["draining"] });
  });

  test("takes no writes", async () => {
    const answer = await fetch(`${await start()}/livez`, { method: "POST" });
    expect(answer.status).toBe(405);
  });

  test("hands writes to the pages that take them, with the socket's own peer, and nothing too large", async () => {
    const seen: OperatorRequest[] = [];
    listener = await startOperatorListener({
      host: "127.0.0.1",
      port: 0,
      notReady: () => [],
      metrics: () => Promise.resolve({ contentType: "text/plain", text: "" }),
      pages: [
        (request) => {
          if (request.path !== "/_write") return undefined;
          seen.push(request);
          return { status: 200, contentType: "text/plain", text: request.body.toString() };
        },
      ],
    });
    const post = (path: string, body: string) =>
      fetch(`http://127.0.0.1:${listener?.port}${path}`, {
        method: "POST",
        body,
        headers: { "x-forwarded-for": "203.0.113.9" },
      });
    expect(await (await post("/_write?stage=next", "hello")).text()).toBe("hello");
    expect(seen[0]).toMatchObject({ method: "POST", peerAddress: "127.0.0.1" });
    expect(seen[0]?.query.get("stage")).toBe("next");
    expect((await post("/_write", "x".repeat(OPERATOR_BODY_BYTES + 1))).status).toBe(413);
    expect((await post("/_write", "x".repeat(OPERATOR_BODY_BYTES))).status).toBe(200);
    expect((await post("/livez", "")).status).toBe(405);
    expect(seen).toHaveLength(2);
  });

  test("answers this machine alone, when it is told to", async () => {
    const elsewhere = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ internal, family }) => !internal && family === "IPv4")?.address;
    if (elsewhere === undefined)
      console.warn("SKIPPED: this machine has no address but loopback to call from");
    listener = await startOperatorListener({
      host: "0.0.0.0",
      port: 0,
      isLocalOnly: true,
      notReady: () => [],
      metrics: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    });
    expect((await fetch(`http://127.0.0.1:${listener.port}/livez`)).status).toBe(200);
    if (elsewhere !== undefined)
      expect((await fetch(`http://${elsewhere}:${listener.port}/metrics`)).status).toBe(403);
  });

  test("refuses an address that is taken", async () => {
    await start();
    const again = startOperatorListener({
      host: "127.0.0.1",
      port: listener?.port ?? 0,
      notReady: () => [],
      metrics: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    });
    await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
