/**
 * SIGTERM to a gateway process under load. A request is lost when it was sent on an open connection and got no whole
 * answer. A caller that was told `Connection: close` comes back, and is refused: that is no loss, nothing of it was taken.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSigningKeyPem } from "../../src/ledger/signing-key.ts";
import { Command } from "../cli/command.ts";
import { configurationFolder, type ConfigurationFolder } from "../cli/configuration-folder.ts";
import { call, type Answer } from "../support/calling.ts";
import { baseConfiguration, layOver } from "../support/gateway-configuration.ts";
import {
  PREDICTION,
  startRecordingUpstream,
  type RecordingUpstream,
} from "../support/recording-upstream.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

const issuer = createTokenIssuer();
let upstream: RecordingUpstream;
beforeEach(async () => {
  upstream = await startRecordingUpstream();
});
afterEach(() => upstream.close());

function folderWith(drainDeadline: string): ConfigurationFolder {
  return configurationFolder({
    "portcullis.yaml": layOver(baseConfiguration(upstream.origin, ["plain"]), {
      server: { limits: { drainDeadline } },
      telemetry: { log: { destination: "stdout" } },
    }),
    "jwks.json": issuer.jwks,
    "ledger.key": createSigningKeyPem(),
  });
}

interface Running {
  readonly gateway: Command;
  readonly port: number;
  readonly operatorPort: number;
}

async function start(drainDeadline: string): Promise<Running> {
  const gateway = new Command(["run", "--config", folderWith(drainDeadline).configPath]);
  return {
    gateway,
    port: await gateway.portOf("plain"),
    operatorPort: await gateway.portOf("operator"),
  };
}

const bytesOf = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: gateway.example\r\nAuthorization: Bearer ${issuer.mint()}\r\n` +
  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

type Ending = "answered" | "answered and closed" | "refused" | "lost";

/** One caller on one kept connection, byte for byte: sends, waits for the whole answer, sends again. */
class Caller {
  readonly endings: Ending[] = [];
  readonly done: Promise<void>;
  readonly #port: number;
  #socket: Socket | undefined;
  #received = "";
  #isOver = false;

  constructor(port: number) {
    this.#port = port;
    this.done = this.#run();
  }

  async #run(): Promise<void> {
    const request = bytesOf("/churn/v2/predict");
    for (
      let i = 0;
      i < 100_000 && this.endings.at(-1) !== "refused" && this.endings.at(-1) !== "lost";
      i++
    ) {
      if (!this.#socket && !(await this.#open())) {
        this.endings.push("refused");
        return;
      }
      this.endings.push(await this.#exchange(request));
    }
    this.#socket?.destroy();
  }

  /** False when the gateway takes no connection any more. */
  #open(): Promise<boolean> {
    return new Promise((settle) => {
      const socket = connect({ port: this.#port, host: "127.0.0.1" });
      this.#isOver = false;
      socket.once("connect", () => {
        this.#socket = socket;
        settle(true);
      });
      socket.on("data", (chunk: Buffer) => (this.#received += chunk.toString("latin1")));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#isOver = true;
        settle(false);
      });
      socket.on("end", () => (this.#isOver = true));
    });
  }

  async #exchange(request: string): Promise<Ending> {
    const socket = this.#socket as Socket;
    this.#received = "";
    // The gateway may end a connection between two requests: nothing was sent on it.
    if (this.#isOver) return this.#leave("answered and closed");
    socket.write(request);
    for (;;) {
      const headEnd = this.#received.indexOf("\r\n\r\n");
      const isWhole = headEnd > 0 && this.#received.endsWith(PREDICTION);
      if (isWhole && this.#received.startsWith("HTTP/1.1 200 ")) {
        if (!/\r\nconnection: close\r\n/i.test(this.#received)) return "answered";
        return this.#leave("answered and closed");
      }
      if (this.#isOver) return this.#leave("lost");
      await new Promise((settle) => {
        const on = (): void => {
          socket.off("data", on).off("close", on).off("end", on);
          settle(undefined);
        };
        socket.on("data", on).on("close", on).on("end", on);
      });
    }
  }

  #leave(ending: Ending): Ending {
    this.#socket?.destroy();
    this.#socket = undefined;
    return ending;
  }
}

function get(port: number, path: string): Promise<Answer> {
  return call(
    { origin: `http://127.0.0.1:${port}`, transport: "http/1.1" },
    { method: "GET", path },
  );
}

const predictSlowly = (port: number) =>
  call(
    { origin: `http://127.0.0.1:${port}`, transport: "http/1.1" },
    {
      path: "/churn/v1/predict",
      headers: { authorization: `Bearer ${issuer.mint()}`, "content-type": "application/json" },
      body: "{}",
    },
  );

describe("SIGTERM under load", () => {
  test("loses no request: what was sent is answered, and readiness flips before the slow ones end", async () => {
    const { gateway, port, operatorPort } = await start("10s");
    let release: (() => void) | undefined;
    let wasSlowEnded = false;
    upstream.answer(({ target }, response) => {
      const answer = (): void =>
        void response.writeHead(200, { "content-type": "application/json" }).end(PREDICTION);
      if (target.includes("/v1/")) release = answer;
      else setTimeout(answer, 3);
    });
    const slow = predictSlowly(port).finally(() => (wasSlowEnded = true));
    await until("the slow request arrived", () => release !== undefined);
    const callers = Array.from({ length: 16 }, () => new Caller(port));
    await until(
      "every caller was answered a few times",
      () => callers.every(({ endings }) => endings.length > 5),
      10_000,
    );
    expect((await get(operatorPort, "/readyz")).status).toBe(200);

    gateway.signal("SIGTERM");
    await until("readiness flips", async () => (await get(operatorPort, "/readyz")).status === 503);
    expect(wasSlowEnded).toBe(false);
    expect((await get(operatorPort, "/readyz")).json()).toEqual({
      status: "not ready",
      notReady: ["draining"],
    });
    expect((await get(operatorPort, "/livez")).status).toBe(200);
    await Promise.all(callers.map(({ done }) => done));
    // All others were served and have left; the slow one still runs, and is waited for.
    await sleep(200);
    expect(gateway.child.exitCode).toBe(null);
    release?.();
    const answer = await slow;
    expect([answer.status, answer.text, answer.headers["connection"]]).toEqual([
      200,
      PREDICTION,
      "close",
    ]);

    const { code, stderr } = await gateway.finished();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const endings = callers.flatMap((caller) => caller.endings);
    expect(endings.filter((ending) => ending === "lost")).toEqual([]);
    for (const caller of callers)
      expect(caller.endings.slice(-2)).toEqual(["answered and closed", "refused"]);
    // And the record is whole: a line for each, written before the end.
    const answered = endings.filter((ending) => ending !== "refused").length;
    const lines = gateway.lines().filter(({ msg }) => msg === "request");
    expect(lines.every(({ status, code: why }) => status === 200 && why === "ok")).toBe(true);
    expect(lines).toHaveLength(answered + 1);
    expect(gateway.lines().at(-1)).toMatchObject({ msg: "drained", cut_connections: 0 });
  });

  test("cuts at the deadline what will not end, records it, and says so by its exit code", async () => {
    const { gateway, port } = await start("600ms");
    let arrived = 0;
    upstream.answer(() => void arrived++);
    const stuck = predictSlowly(port).then(
      ({ status }) => `answered ${status}`,
      () => "cut",
    );
    await until("the request arrived", () => arrived === 1);
    const beganMs = performance.now();
    gateway.signal("SIGTERM");
    const { code } = await gateway.finished();
    const tookMs = performance.now() - beganMs;
    expect(await stuck).toBe("cut");
    expect(tookMs).toBeGreaterThan(550);
    expect(tookMs).toBeLessThan(4_000);
    expect(code).toBe(1);
    expect(gateway.lines().find(({ msg }) => msg === "drained")).toMatchObject({
      cut_connections: 1,
    });
    expect(gateway.lines().filter(({ msg }) => msg === "request")).toEqual([
      expect.objectContaining({
        route: "churn.v1.predict",
        code: "listener.caller_gone",
        status: 499,
      }),
    ]);
  });

  test("a second signal ends at once", async () => {
    const { gateway, port } = await start("30s");
    let arrived = 0;
    upstream.answer(() => void arrived++);
    predictSlowly(port).catch(() => undefined);
    await until("the request arrived", () => arrived === 1);
    gateway.signal("SIGTERM");
    await gateway.line(({ msg }) => msg === "draining");
    const beganMs = performance.now();
    gateway.signal("SIGTERM");
    const { code } = await gateway.finished();
    expect(code).toBe(1);
    expect(performance.now() - beganMs).toBeLessThan(2_000);
  });
});
