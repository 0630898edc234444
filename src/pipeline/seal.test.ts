/** Seals: header edits that speak of the whole answer, made when nothing of it changes any more. */
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Exchange } from "./exchange.ts";
import type { Forwarded, ForwardOptions } from "./forward.ts";
import type { Outcome } from "./outcome.ts";
import { planOf, type Step } from "./plan.ts";
import { rejection } from "./rejection.ts";
import type { CallerRequest, Route } from "./request-context.ts";
import { headerValue, setHeader, type GatewayResponse } from "./response.ts";
import { run } from "./run.ts";
import { SYSTEM_CLOCK, type StageHandlers } from "./stage.ts";

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

interface Script {
  readonly handlers: readonly StageHandlers[];
  readonly body?: GatewayResponse["body"];
  readonly isGone?: boolean;
}

async function play({ handlers, body = Buffer.from("hi"), isGone = false }: Script) {
  const sent: GatewayResponse[] = [];
  const asked: ForwardOptions[] = [];
  const outcomes: Outcome[] = [];
  const steps = handlers.map((one): Step => ({
    stage: "constitution",
    mode: "enforce",
    whenBroken: "reject",
    handlers: one,
  }));
  const exchange: Exchange = {
    request: REQUEST,
    isCallerGone: isGone,
    bytesIn: 0,
    onCallerGone() {},
    readBody: async () => Buffer.alloc(0),
    streamBody: () => Readable.from([]),
    send(response) {
      sent.push(response);
      return { bytesOut: 2, isComplete: true };
    },
  };
  const answer: Forwarded = { kind: "response", response: { status: 201, headers: [], body } };
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
          return answer;
        },
      },
    },
  );
  return { sent, asked, outcomes };
}

/** What was there to be sealed, as one text. */
const seal: StageHandlers["seal"] = (_context, { status, headers, body }) => [
  setHeader("x-seal", `${status} ${headers.join()} ${String(body)}`),
];

describe("a seal", () => {
  test("sees status, header section and body after every decoration", async () => {
    const decorate = () => [setHeader("x-last", "1")];
    const { sent } = await play({ handlers: [{ seal }, { decorate }] });
    expect(headerValue(sent[0]?.headers ?? [], "x-seal")).toBe("201 x-last,1 hi");
  });

  test("takes the place of a header by which an upstream claims one", async () => {
    const decorate = () => [setHeader("x-seal", "forged")];
    const { sent } = await play({
      handlers: [{ decorate, seal: () => [setHeader("x-seal", "ours")] }],
    });
    expect(sent[0]?.headers).toEqual(["x-seal", "ours"]);
  });

  test("covers refusals", async () => {
    const onHead = () => ({
      verdict: "reject" as const,
      rejection: rejection("constitution.denied"),
    });
    const { sent, asked } = await play({ handlers: [{ onHead, seal }] });
    expect(asked).toEqual([]);
    expect(headerValue(sent[0]?.headers ?? [], "x-seal")).toContain("Policy does not allow");
  });

  test("makes the runner hold the upstream's answer; without one it is passed on as it comes", async () => {
    expect((await play({ handlers: [{ seal }] })).asked[0]?.mustBuffer).toBe(true);
    expect((await play({ handlers: [] })).asked[0]?.mustBuffer).toBe(false);
  });

  test("is never left out: an answer that is streamed all the same is not sent", async () => {
    const body = new PassThrough();
    const { sent, outcomes } = await play({ handlers: [{ seal }], body });
    expect(outcomes[0]).toMatchObject({ code: "gateway.invariant_broken", status: 500 });
    expect(headerValue(sent[0]?.headers ?? [], "x-seal")).toContain("500");
    expect(body.destroyed).toBe(true);
  });

  test("is not made for a caller that is gone", async () => {
    let seals = 0;
    await play({ handlers: [{ seal: () => (seals++, []) }], isGone: true });
    expect(seals).toBe(0);
  });
});
