import { afterEach, describe, expect, test } from "vitest";
import { startOperatorListener, type OperatorListener } from "./operator-listener.ts";

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
