/** What requests cost, over real sockets: metered, settled once on every way out, and on record as it came out. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { answerJson } from "../support/recording-upstream.ts";
import { until } from "../support/until.ts";

const RESERVE = 100;
const BUDGET = 100_000;
/** A machine that is busy with something else takes its time. */
const PATIENCE_MS = 20_000;

const usage = (units: number): object => ({ usage: { total_tokens: units } });
const event = (units: number): string => `data: ${JSON.stringify(usage(units))}\n\n`;

let gateway: TestGateway;
beforeAll(async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const dead = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
  closed.close();
  await once(closed, "close");
  const metered = { reserve: RESERVE, field: "usage.total_tokens" };
  const post = (id: string, more: object = {}): object => ({
    id,
    path: `/${id}`,
    methods: ["POST"],
    upstream: "model",
    limits: { cost: metered },
    ...more,
  });
  gateway = await startGateway({
    config: (upstream) => ({
      limits: {
        default: {
          rate: "100000/s",
          concurrency: 10,
          total: { cost: { quota: { month: BUDGET } } },
        },
      },
      upstreams: {
        model: { targets: [upstream], timeout: "20s" },
        hasty: { targets: [upstream], timeout: "150ms", connectTimeout: "100ms" },
        dead: { targets: [dead], timeout: "2s" },
      },
      routes: [
        post("fixed", { limits: { cost: 7 } }),
        post("header", { limits: { cost: { reserve: RESERVE, header: "x-cost" } } }),
        post("field"),
        post("stream"),
        post("left"),
        post("left-early"),
        post("dead", { upstream: "dead" }),
        post("late", { upstream: "hasty" }),
        post("refused"),
        post("broken"),
        post("counted", { limits: { quota: { month: 2 } } }),
      ],
    }),
  });
});
afterEach(async () => {
  gateway.upstream.reset();
  await gateway.check();
});
afterAll(() => gateway.close());

const to = (id: string, body = "{}") => ({ path: `/${id}`, headers: gateway.allowed(), body });

interface Spent {
  readonly reserved: number;
  readonly settled?: number;
}

/** The one access line of a route, once it is there, and what it says of cost. */
async function costOf(id: string): Promise<Spent | undefined> {
  const find = () =>
    gateway.logLines().find((line) => line["msg"] === "request" && line["route"] === id);
  await until(`the access line of ${id}`, () => find() !== undefined, PATIENCE_MS);
  return (find()?.["limits"] as { cost?: Spent } | null)?.cost;
}

const units = (route: string, step: string): Promise<number> =>
  gateway.metric("portcullis_limits_cost_units_total", { route, step });

/** A call that its caller can leave. */
function leavable(id: string) {
  const request = httpRequest({
    port: gateway.port,
    method: "POST",
    path: `/${id}`,
    headers: { ...gateway.allowed(), "x-request-id": `leaves-${id}` },
    agent: false,
  });
  request.on("error", () => undefined);
  request.end("{}");
  return request;
}

describe("a request that is answered", () => {
  test("with a fixed cost", async () => {
    const answer = await gateway.call(to("fixed"));
    expect(answer.status).toBe(200);
    expect(await costOf("fixed")).toEqual({ reserved: 7, settled: 7 });
    expect(gateway.record.decisionOf(answer.requestId)["cost"]).toEqual({
      reserved: 7,
      settled: 7,
    });
  });

  test("with its cost in a header, which is not held back for it", async () => {
    gateway.upstream.answer(answerJson("{}", { headers: { "x-cost": "41.5" } }));
    const answer = await gateway.call(to("header"));
    expect(gateway.record.decisionOf(answer.requestId)["cost"]).toEqual({
      reserved: RESERVE,
      settled: 42,
    });
    expect(await units("header", "refunded")).toBe(RESERVE - 42);
  });

  test("with its cost in a field, more than was reserved", async () => {
    gateway.upstream.answer(answerJson(usage(250)));
    const answer = await gateway.call(to("field"));
    expect(answer.json()).toEqual(usage(250));
    expect(gateway.record.decisionOf(answer.requestId)["cost"]).toEqual({
      reserved: RESERVE,
      settled: 250,
    });
    expect(await units("field", "charged_on_top")).toBe(150);
  });

  test("with an event stream: passed on as it comes, and on record when it has ended", async () => {
    let upstream: ServerResponse | undefined;
    gateway.upstream.answer((_, response) => {
      upstream = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(event(5));
    });
    const request = leavable("stream");
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    const [first] = (await once(answer, "data")) as [Buffer];
    // The stream has not ended: the first event was not held back.
    expect(String(first)).toBe(event(5));
    upstream?.end(event(64));
    let rest = "";
    for await (const chunk of answer) rest += String(chunk);
    expect(rest).toBe(event(64));
    expect(await costOf("stream")).toEqual({ reserved: RESERVE, settled: 64 });
    const lines = () => gateway.record.lines();
    await until(
      "the outcome is on record",
      () => lines().some((line) => line.of === "leaves-stream"),
      PATIENCE_MS,
    );
    expect(lines().find((line) => line.request_id === "leaves-stream")?.["cost"]).toEqual({
      reserved: RESERVE,
    });
    expect(lines().filter((line) => line.of === "leaves-stream")).toMatchObject([
      { status: 200, code: "ok", cost: { reserved: RESERVE, settled: 64 } },
    ]);
  });
});

describe("a request that is not answered", () => {
  test("by an upstream that is dead costs nothing", async () => {
    gateway.expectServerErrors("upstream.unreachable");
    expect((await gateway.call(to("dead"))).status).toBe(502);
    expect(await costOf("dead")).toEqual({ reserved: RESERVE, settled: 0 });
  });

  test("in time costs nothing", async () => {
    gateway.expectServerErrors("upstream.timeout");
    gateway.upstream.answer(() => undefined);
    expect((await gateway.call(to("late"))).status).toBe(504);
    expect(await costOf("late")).toEqual({ reserved: RESERVE, settled: 0 });
  });

  test("but refused by a later stage costs nothing", async () => {
    expect((await gateway.call(to("refused", "{"))).status).toBe(400);
    expect(await costOf("refused")).toEqual({ reserved: RESERVE, settled: 0 });
    expect(await units("refused", "refunded")).toBe(RESERVE);
  });

  test("because its caller left costs what was reserved", async () => {
    let isThere = false;
    gateway.upstream.answer(() => void (isThere = true));
    const request = leavable("left-early");
    await until("the call arrived", () => isThere, PATIENCE_MS);
    request.destroy();
    expect(await costOf("left-early")).toEqual({ reserved: RESERVE, settled: RESERVE });
  });
});

describe("a stream", () => {
  const begin = (): void =>
    gateway.upstream.answer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(event(23));
    });

  test("that its caller leaves costs what was metered until then", async () => {
    begin();
    const request = leavable("left");
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    await once(answer, "data");
    request.destroy();
    expect(await costOf("left")).toEqual({ reserved: RESERVE, settled: 23 });
  });

  test("that the upstream breaks off costs what was metered until then", async () => {
    gateway.expectServerErrors("upstream.connection_lost");
    gateway.upstream.answer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(event(31), () => setTimeout(() => response.destroy(), 50));
    });
    const request = leavable("broken");
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    answer.on("error", () => undefined).resume();
    expect(await costOf("broken")).toEqual({ reserved: RESERVE, settled: 31 });
  });
});

describe("limits on a running gateway", () => {
  test("what all requests cost has come off one budget, and no slot is left taken", async () => {
    const settled = await gateway.metric("portcullis_limits_cost_units_total", {
      step: "settled",
    });
    const answer = await gateway.call(to("fixed"));
    const { limits } = gateway.record.decisionOf(answer.requestId) as unknown as {
      limits: { name: string; remaining: number }[];
    };
    const remaining = (name: string) => limits.find((limit) => limit.name === name)?.remaining;
    expect(remaining("default-total-cost-month")).toBe(BUDGET - settled - 7);
    expect(remaining("default-concurrency")).toBe(9);
  });

  test("a reload changes numbers at once and resets no use", async () => {
    const codes = async (calls: number): Promise<number[]> => {
      const statuses: number[] = [];
      for (let i = 0; i < calls; i++) statuses.push((await gateway.call(to("counted"))).status);
      return statuses;
    };
    const routes = (quota: number) => [
      {
        id: "counted",
        path: "/counted",
        methods: ["POST"],
        upstream: "model",
        limits: { quota: { month: quota }, cost: 1 },
      },
    ];
    expect(await codes(3)).toEqual([200, 200, 429]);
    gateway.configure({ routes: routes(3) });
    await gateway.portcullis.reload();
    expect(await codes(2)).toEqual([200, 429]);
    gateway.configure({ routes: routes(1) });
    await gateway.portcullis.reload();
    expect(await codes(1)).toEqual([429]);
  });
});
