/** Event streams next to stages that judge answers: watched while they pass, held only for a stage that cannot watch. */
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { AnswerBroken, type Exchange } from "./exchange.ts";
import type { ForwardOptions } from "./forward.ts";
import type { Outcome } from "./outcome.ts";
import { planOf, type Step } from "./plan.ts";
import { Fault, rejection } from "./rejection.ts";
import type { CallerRequest, Route } from "./request-context.ts";
import type { GatewayResponse } from "./response.ts";
import { run } from "./run.ts";
import { CONTINUE, SYSTEM_CLOCK, type StageHandlers } from "./stage.ts";

const ROUTE: Route = {
  id: "r",
  template: "/r",
  methods: ["POST"],
  model: undefined,
  version: undefined,
  upstream: "u",
  bodyLimitBytes: 1024,
  bodyMode: "buffer",
};
const REQUEST = {
  requestId: "req-1",
  startedAtMs: 0,
  headers: { get: () => undefined, fields: [] },
} as unknown as CallerRequest;

type Part = StageHandlers & Partial<Pick<Step, "mode" | "whenBroken">>;

async function play(parts: readonly Part[], body: GatewayResponse["body"] = new PassThrough()) {
  const sent: GatewayResponse[] = [];
  const asked: ForwardOptions[] = [];
  const outcomes: Outcome[] = [];
  const steps = parts.map(({ mode = "enforce", whenBroken = "reject", ...handlers }): Step => ({
    stage: "waf",
    mode,
    whenBroken,
    handlers,
  }));
  const exchange: Exchange = {
    request: REQUEST,
    isCallerGone: false,
    bytesIn: 0,
    onCallerGone() {},
    readBody: async () => Buffer.alloc(0),
    streamBody: () => Readable.from([]),
    async send(response) {
      sent.push(response);
      const { body: answer } = response;
      if (Buffer.isBuffer(answer)) return { bytesOut: answer.length, isComplete: true };
      let bytesOut = 0;
      try {
        for await (const piece of answer) bytesOut += (piece as Buffer).length;
        return { bytesOut, isComplete: true };
      } catch {
        return { bytesOut, isComplete: false };
      }
    },
  };
  await run(
    {
      exchange,
      plan: planOf(ROUTE, steps, { responseLimitBytes: 1024, destination: "upstream" }),
      params: {},
    },
    {
      clock: SYSTEM_CLOCK,
      recorder: { record: (outcome) => outcomes.push(outcome) },
      forwarder: {
        forward: async (_context, options) => {
          asked.push(options);
          return { kind: "response", response: { status: 200, headers: [], body } };
        },
      },
    },
  );
  return { sent: sent[0], asked: asked[0], outcome: outcomes[0], body };
}

const onResponse = () => CONTINUE;
const words = () => Readable.from([Buffer.from("one "), Buffer.from("two")]);
const instead = (text: string) => (): ReturnType<NonNullable<StageHandlers["onStream"]>> => ({
  verdict: "watch",
  body: Readable.from([Buffer.from(text)]),
});

describe("an event stream", () => {
  test("is asked for as it comes where every judge can watch, and held where one cannot", async () => {
    const watcher: Part = { onResponse, onStream: onResponse };
    expect((await play([watcher], words())).asked).toMatchObject({
      mustBuffer: true,
      mayStreamEvents: true,
    });
    const whole = Buffer.from("x");
    expect((await play([watcher, { onResponse }], whole)).asked?.mayStreamEvents).toBe(false);
    expect((await play([watcher, { seal: () => [] }], whole)).asked?.mayStreamEvents).toBe(false);
  });

  test("is sent as the stages that watch hand it on, in their order", async () => {
    const first: Part = { onResponse, onStream: instead("first") };
    const last: Part = {
      onResponse,
      onStream: (_, { body }) => ({
        verdict: "watch",
        body: body.map((piece: Buffer) => Buffer.from(`${String(piece)} and last`)),
      }),
    };
    const { outcome } = await play([first, last], words());
    expect(outcome).toMatchObject({ code: "ok", bytesOut: "first and last".length });
  });

  test("that a stage ends is an error of that stage, after what was sent", async () => {
    const body = new PassThrough();
    body.write("some");
    body.on("error", () => undefined);
    body.destroy(new AnswerBroken("waf.response_blocked", "no"));
    const cut: Part = { onResponse, onStream: () => ({ verdict: "watch", body }) };
    const { outcome } = await play([cut], words());
    expect(outcome).toMatchObject({
      decision: "error",
      stage: "waf",
      code: "waf.response_blocked",
    });
  });

  test("that a stage refuses at its head is not sent", async () => {
    const refuse: Part = {
      onResponse,
      onStream: () => ({ verdict: "reject", rejection: rejection("waf.response_blocked") }),
    };
    const { sent, body } = await play([refuse]);
    expect(sent?.status).toBe(502);
    expect((body as PassThrough).destroyed).toBe(true);
  });

  test("is not shown to a stage in shadow", async () => {
    const shadowed: Part = { onResponse, onStream: instead("other"), mode: "shadow" };
    const { outcome } = await play([shadowed], words());
    expect(outcome).toMatchObject({ code: "ok", bytesOut: "one two".length });
  });

  test.each([
    ["is not sent past a stage that fails", "reject", 503],
    ["passes a stage that fails where the operator lets it", "continue", 200],
  ] as const)("%s", async (_, whenBroken, status) => {
    const broken: Part = {
      onResponse,
      whenBroken,
      onStream: () => {
        throw new Fault("limits.store_unavailable", "down");
      },
    };
    const { sent } = await play([broken], words());
    expect(sent?.status).toBe(status);
  });
});
