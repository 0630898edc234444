import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { contextOf, routeOf } from "../../test/support/context.ts";
import type { Exchange } from "./exchange.ts";
import type { Forwarded } from "./forward.ts";
import type { Journal, Resolution } from "./journal.ts";
import type { Outcome } from "./outcome.ts";
import { planOf, type Step } from "./plan.ts";
import { Fault, rejection, type Rejection } from "./rejection.ts";
import type { GatewayResponse } from "./response.ts";
import { run } from "./run.ts";
import { SYSTEM_CLOCK } from "./stage.ts";

/** What happened, in order: the whole point of a journal is what comes before what. */
type Event =
  | "begun"
  | "begun on record"
  | "forwarded"
  | "resolved"
  | "resolution on record"
  | "sent";

interface Script {
  readonly isStrict?: boolean;
  readonly refusal?: Rejection;
  readonly steps?: readonly Step[];
  readonly body?: GatewayResponse["body"];
  readonly isLeaving?: boolean;
  readonly beforeForward?: () => Promise<void>;
  readonly beforeAnswer?: () => Promise<void> | undefined;
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const DOWN = (): Promise<void> =>
  soon().then(() => {
    throw new Fault("ledger.unavailable", "disk full");
  });

async function play(script: Script) {
  const events: Event[] = [];
  const sent: GatewayResponse[] = [];
  const resolutions: Resolution[] = [];
  const outcomes: Outcome[] = [];
  const amended: Outcome[] = [];
  let isGone = false;
  const exchange: Exchange = {
    request: contextOf().request,
    get isCallerGone() {
      return isGone;
    },
    bytesIn: 0,
    onCallerGone() {},
    readBody: async () => Buffer.from("{}"),
    streamBody: () => new PassThrough(),
    send(response) {
      events.push("sent");
      sent.push(response);
      return { bytesOut: 2, isComplete: true };
    },
  };
  const journal: Journal = {
    isStrict: script.isStrict ?? false,
    refusal: () => script.refusal,
    async beforeForward() {
      events.push("begun");
      await (script.beforeForward ?? soon)();
      events.push("begun on record");
    },
    beforeAnswer(resolution) {
      events.push("resolved");
      resolutions.push(resolution);
      const writing = (script.beforeAnswer ?? soon)();
      return writing?.then(() => {
        events.push("resolution on record");
        isGone = script.isLeaving ?? false;
      });
    },
    afterEnd: (outcome) => void amended.push(outcome),
  };
  const answer: Forwarded = {
    kind: "response",
    response: { status: 200, headers: [], body: script.body ?? Buffer.from("hi") },
  };
  await run(
    {
      exchange,
      plan: planOf(routeOf(), script.steps ?? [], {
        responseLimitBytes: 1024,
        destination: "upstream",
      }),
      params: {},
    },
    {
      journal,
      clock: SYSTEM_CLOCK,
      recorder: { record: (outcome) => outcomes.push(outcome) },
      forwarder: {
        forward: async () => {
          events.push("forwarded");
          return answer;
        },
      },
    },
  );
  return { events, sent, resolutions, outcomes, amended };
}

describe("the runner and its journal", () => {
  test("an answer is sent once its resolution is on record, not before", async () => {
    const { events, resolutions, amended } = await play({});
    expect(events).toEqual(["forwarded", "resolved", "resolution on record", "sent"]);
    expect(resolutions[0]).toMatchObject({ decision: "allow", status: 200, code: "ok" });
    expect(String(resolutions[0]?.body)).toBe("hi");
    expect(amended).toEqual([]);
  });

  test("strict: the upstream is called once the decision is on record", async () => {
    const { events } = await play({ isStrict: true });
    expect(events).toEqual([
      "begun",
      "begun on record",
      "forwarded",
      "resolved",
      "resolution on record",
      "sent",
    ]);
  });

  test("strict: without a record there is no upstream call, and the caller is told 503", async () => {
    const { events, sent, outcomes } = await play({ isStrict: true, beforeForward: DOWN });
    expect(events).not.toContain("forwarded");
    expect(sent[0]?.status).toBe(503);
    expect(sent[0]?.headers).toContain("retry-after");
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toMatchObject({
      decision: "error",
      stage: "ledger",
      code: "ledger.unavailable",
      status: 503,
    });
  });

  test("what cannot be put on record is not said: 503 in its place", async () => {
    const { sent, outcomes, amended } = await play({ beforeAnswer: DOWN });
    expect(sent.map(({ status }) => status)).toEqual([503]);
    expect(String(sent[0]?.body)).not.toContain("disk full");
    expect(outcomes[0]).toMatchObject({ code: "ledger.unavailable", cause: "disk full" });
    expect(amended).toEqual([]);
  });

  test("a stream whose decision cannot be put on record is let go of", async () => {
    const body = new PassThrough();
    const { sent } = await play({ body, beforeAnswer: DOWN });
    expect(sent[0]?.status).toBe(503);
    expect(body.destroyed).toBe(true);
  });

  test("while nothing can be recorded nothing is decided and nobody is called", async () => {
    let asked = 0;
    const { events, sent } = await play({
      refusal: rejection("ledger.unavailable"),
      steps: [
        {
          stage: "identity",
          mode: "enforce",
          whenBroken: "reject",
          handlers: { onHead: () => (asked++, { verdict: "continue" }) },
        },
      ],
    });
    expect([asked, events.includes("forwarded"), sent[0]?.status]).toEqual([0, false, 503]);
  });

  test("a refusal is on record before the caller hears of it, and no call is", async () => {
    const { events, resolutions } = await play({
      isStrict: true,
      steps: [
        {
          stage: "authorization",
          mode: "enforce",
          whenBroken: "reject",
          handlers: {
            onHead: () => ({
              verdict: "reject",
              rejection: rejection("authorization.no_grant"),
            }),
          },
        },
      ],
    });
    expect(events).toEqual(["resolved", "resolution on record", "sent"]);
    expect(resolutions[0]).toMatchObject({
      decision: "deny",
      stage: "authorization",
      status: 403,
      upstreamMs: undefined,
    });
  });

  test("a caller who leaves while the record is written: the record is told how it ended", async () => {
    const { events, outcomes, amended } = await play({ isLeaving: true });
    expect(events).not.toContain("sent");
    expect(outcomes[0]).toMatchObject({ status: 499, code: "listener.caller_gone" });
    expect(amended).toEqual(outcomes);
  });

  describe("what a request cost", () => {
    /** Limits that know the cost at once, or only at the end. */
    const costing = (known: "at once" | "at the end", units = 4): Step => {
      const cost = { reserved: 9, settled: known === "at once" ? units : undefined };
      return {
        stage: "limits",
        mode: "enforce",
        whenBroken: "reject",
        handlers: {
          onHead: () => ({ verdict: "continue", learned: { states: [], cost } }),
          onEnd: () => void (cost.settled = units),
        },
      };
    };

    test("is told to the record once it is known, when it was not before", async () => {
      const { outcomes, amended } = await play({ steps: [costing("at the end")] });
      expect(amended).toEqual(outcomes);
      expect(amended[0]?.context.facts.limits?.cost?.settled).toBe(4);
    });

    test("is not told again when the record holds it", async () => {
      expect((await play({ steps: [costing("at once")] })).amended).toEqual([]);
    });

    const refusing: Step = {
      stage: "contract",
      mode: "enforce",
      whenBroken: "reject",
      handlers: {
        onHead: () => ({ verdict: "reject", rejection: rejection("authorization.no_grant") }),
      },
    };

    test("is not told of refusals that cost nothing", async () => {
      const { amended } = await play({ steps: [costing("at the end", 0), refusing] });
      expect(amended).toEqual([]);
    });

    test("is told of refusals that were charged, as of a caller who left its call", async () => {
      const { amended } = await play({ steps: [costing("at the end"), refusing] });
      expect(amended[0]?.context.facts.limits?.cost?.settled).toBe(4);
    });
  });

  test("a journal that need not be waited for costs no turn", async () => {
    const { events } = await play({ beforeAnswer: () => undefined });
    expect(events).toEqual(["forwarded", "resolved", "sent"]);
  });

  test("a journal that throws is a bug, and the answer is held back", async () => {
    const { sent, outcomes } = await play({
      beforeAnswer: () => {
        throw new Error("bug");
      },
    });
    expect(sent[0]?.status).toBe(500);
    expect(outcomes[0]).toMatchObject({ code: "gateway.invariant_broken" });
  });
});
