import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { AnswerBroken, type Exchange } from "./exchange.ts";
import type { StageName } from "./facts.ts";
import type { Forwarded } from "./forward.ts";
import type { Outcome } from "./outcome.ts";
import { Fault, rejection, type Rejection } from "./rejection.ts";
import type { CallerRequest, Route } from "./request-context.ts";
import { setHeader, type GatewayResponse } from "./response.ts";
import { planOf, type Step } from "./plan.ts";
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

const OK: Forwarded = {
  kind: "response",
  response: { status: 200, headers: ["content-type", "text/plain"], body: Buffer.from("hi") },
};

function step(stage: StageName, handlers: StageHandlers, rest: Partial<Step> = {}): Step {
  return { stage, handlers, mode: "enforce", whenBroken: "reject", ...rest };
}

interface Play {
  readonly steps?: readonly Step[];
  readonly forward?: () => Promise<Forwarded>;
  readonly body?: Buffer | Rejection;
  readonly isGone?: () => boolean;
  readonly isComplete?: boolean;
  /** Thrown instead of sending. */
  readonly sendError?: Error;
  readonly route?: Partial<Route>;
  readonly destination?: Rejection;
}

interface Played {
  readonly outcomes: Outcome[];
  readonly sent: GatewayResponse[];
  readonly forwarded: number;
}

async function play(script: Play): Promise<Played> {
  const outcomes: Outcome[] = [];
  const sent: GatewayResponse[] = [];
  let forwarded = 0;
  const exchange: Exchange = {
    request: REQUEST,
    get isCallerGone() {
      return script.isGone?.() ?? false;
    },
    bytesIn: 0,
    onCallerGone() {},
    readBody: async () => script.body ?? Buffer.from("{}"),
    streamBody: () => Readable.from([]),
    send(response) {
      if (script.sendError) throw script.sendError;
      sent.push(response);
      return { bytesOut: 2, isComplete: script.isComplete ?? true };
    },
  };
  const plan = planOf({ ...ROUTE, ...script.route }, script.steps ?? [], {
    responseLimitBytes: 1024,
    destination: script.destination ?? "upstream",
  });
  await run(
    { exchange, plan, params: {} },
    {
      clock: SYSTEM_CLOCK,
      recorder: { record: (outcome) => outcomes.push(outcome) },
      forwarder: {
        forward: () => {
          forwarded++;
          return script.forward?.() ?? Promise.resolve(OK);
        },
      },
    },
  );
  return { outcomes, sent, forwarded };
}

const reject = (code: Parameters<typeof rejection>[0]) => () => ({
  verdict: "reject" as const,
  rejection: rejection(code),
});

describe("the runner", () => {
  test("forwards when every stage continues, and records one allow", async () => {
    const { outcomes, sent, forwarded } = await play({
      steps: [step("limits", { onHead: () => CONTINUE })],
    });
    expect(forwarded).toBe(1);
    expect(sent.map((response) => response.status)).toEqual([200]);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toMatchObject({
      decision: "allow",
      stage: "upstream",
      code: "ok",
      status: 200,
    });
  });

  test("runs all heads before any body, each pass in order, waiting only for promises", async () => {
    const seen: string[] = [];
    const note = (name: string, wait = false) => ({
      onHead: () => {
        seen.push(`${name}.head`);
        return wait ? Promise.resolve(CONTINUE) : CONTINUE;
      },
      onBody: () => {
        seen.push(`${name}.body`);
        return CONTINUE;
      },
    });
    await play({
      steps: [
        step("identity", note("identity", true)),
        step("waf", note("waf")),
        step("contract", note("contract", true)),
      ],
    });
    expect(seen).toEqual([
      "identity.head",
      "waf.head",
      "contract.head",
      "identity.body",
      "waf.body",
      "contract.body",
    ]);
  });

  test.each([
    ["at once", false],
    ["after a wait", true],
  ])("stops at the first rejection, said %s, and forwards nothing", async (_name, isLate) => {
    let later = 0;
    const no = reject("limits.bucket_empty");
    const { outcomes, sent, forwarded } = await play({
      steps: [
        step("limits", { onHead: () => (isLate ? Promise.resolve(no()) : no()) }),
        step("waf", { onHead: () => (later++, CONTINUE) }),
      ],
    });
    expect([forwarded, later]).toEqual([0, 0]);
    expect(outcomes[0]).toMatchObject({
      decision: "deny",
      stage: "limits",
      code: "limits.bucket_empty",
      status: 429,
    });
    expect(sent[0]?.headers).toContain("retry-after");
    expect(JSON.parse(String(sent[0]?.body))).toMatchObject({
      error: {
        code: "RATE_LIMITED",
        details: { reason: "limits.bucket_empty" },
        request_id: "req-1",
      },
    });
  });

  test("records what a shadowed stage would have done and goes on", async () => {
    const { outcomes, forwarded } = await play({
      steps: [step("waf", { onHead: reject("sources.address_denied") }, { mode: "shadow" })],
    });
    expect(forwarded).toBe(1);
    expect(outcomes[0]).toMatchObject({
      decision: "allow",
      shadows: [{ stage: "waf", code: "sources.address_denied" }],
    });
  });

  const fault = () => {
    throw new Fault("identity.keys_unavailable", "no keys");
  };

  test("a fault rejects by default, with 503", async () => {
    const { outcomes, forwarded } = await play({ steps: [step("identity", { onHead: fault })] });
    expect(forwarded).toBe(0);
    expect(outcomes[0]).toMatchObject({
      decision: "error",
      stage: "identity",
      status: 503,
      cause: "no keys",
    });
  });

  test("a fault passes only where the operator wrote so, and that is recorded", async () => {
    const { outcomes, forwarded } = await play({
      steps: [
        step(
          "identity",
          { onHead: () => Promise.reject(new Fault("identity.keys_unavailable", "no keys")) },
          { whenBroken: "continue" },
        ),
      ],
    });
    expect(forwarded).toBe(1);
    expect(outcomes[0]?.broken).toEqual([{ stage: "identity", cause: "no keys" }]);
  });

  test.each([
    [
      "a bug",
      () => {
        throw new TypeError("oops");
      },
    ],
    ["a late bug", () => Promise.reject(new TypeError("oops"))],
    ["a stage that says nothing", () => undefined as never],
  ])("%s never passes, whatever the operator wrote", async (_name, onHead) => {
    const { outcomes, sent, forwarded } = await play({
      steps: [step("waf", { onHead }, { whenBroken: "continue" })],
    });
    expect(forwarded).toBe(0);
    expect(outcomes[0]).toMatchObject({
      decision: "error",
      code: "gateway.invariant_broken",
      status: 500,
    });
    expect(String(sent[0]?.body)).not.toContain("oops");
  });

  test("lets a stage write only its own fact, once", async () => {
    const facts: unknown[] = [];
    const learn = { onHead: () => ({ verdict: "continue" as const, learned: { grant: "g" } }) };
    const look = {
      onHead: (context: { facts: unknown }) => (
        facts.push({ ...(context.facts as object) }),
        CONTINUE
      ),
    };
    await play({ steps: [step("authorization", learn), step("limits", look)] });
    expect(facts).toEqual([{ authorization: { grant: "g" } }]);
    const twice = await play({
      steps: [step("authorization", learn), step("authorization", learn)],
    });
    expect(twice.outcomes[0]).toMatchObject({ code: "gateway.invariant_broken" });
  });

  test("decorates every answer, refusals too, the last stage first", async () => {
    const add = (value: string) => ({ decorate: () => [setHeader("x-by", value)] });
    const steps = [
      step("headers", add("headers")),
      step("limits", { ...add("limits"), onHead: reject("limits.bucket_empty") }),
    ];
    const { sent } = await play({ steps });
    expect(sent[0]?.headers.slice(-2)).toEqual(["x-by", "headers"]);
  });

  test("tells every stage the end exactly once", async () => {
    const endings: unknown[] = [];
    const steps = [step("limits", { onEnd: (_context, ending) => endings.push(ending) })];
    await play({ steps });
    await play({ steps: [...steps, step("waf", { onHead: reject("sources.address_denied") })] });
    await play({ steps, forward: () => Promise.reject(new Error("bug")) });
    expect(endings).toEqual([
      { status: 200, wasForwarded: true, code: "ok" },
      { status: 403, wasForwarded: false, code: "sources.address_denied" },
      { status: 500, wasForwarded: true, code: "gateway.invariant_broken" },
    ]);
  });

  test("what left with its caller while it waited for a connection was not forwarded", async () => {
    const endings: unknown[] = [];
    const steps = [step("limits", { onEnd: (_context, ending) => endings.push(ending) })];
    for (const wasSent of [true, false])
      await play({
        steps,
        forward: async () => ({
          kind: "rejected",
          rejection: rejection("listener.caller_gone"),
          wasSent,
        }),
      });
    expect(endings).toMatchObject([{ wasForwarded: true }, { wasForwarded: false }]);
  });

  test("tells of the upstream's answer before anything judges it, and of no other", async () => {
    const told: unknown[] = [];
    const steps = [
      step("limits", { onAnswer: (_context, { status }) => told.push(status) }),
      step("waf", { onResponse: () => (told.push("judged"), { verdict: "continue" }) }),
    ];
    await play({ steps });
    expect(told).toEqual([200, "judged"]);
    await play({ steps: [...steps, step("waf", { onHead: reject("sources.address_denied") })] });
    await play({ steps, forward: () => Promise.reject(new Error("bug")) });
    expect(told).toEqual([200, "judged"]);
  });

  test("answers in the upstream's place when a stage does, forwarding nothing", async () => {
    const response = { status: 204, headers: [], body: Buffer.alloc(0) };
    const { outcomes, forwarded } = await play({
      steps: [step("headers", { onHead: () => ({ verdict: "answer", response }) })],
    });
    expect(forwarded).toBe(0);
    expect(outcomes[0]).toMatchObject({
      decision: "allow",
      stage: "headers",
      code: "answered",
      status: 204,
    });
  });

  test("an unmatched path ends at the router, behind the stages that guard it", async () => {
    const { outcomes } = await play({ destination: rejection("router.not_found") });
    expect(outcomes[0]).toMatchObject({ decision: "deny", stage: "router", status: 404 });
  });

  test("a body that cannot be read decides, by the part its code names", async () => {
    const { outcomes, forwarded } = await play({ body: rejection("contract.body_too_large") });
    expect(forwarded).toBe(0);
    expect(outcomes[0]).toMatchObject({ stage: "contract", status: 413 });
  });

  test("replaces or refuses an upstream answer that a stage judged", async () => {
    const replaced = await play({
      steps: [
        step("masking", {
          onResponse: () => ({ verdict: "replace", body: Buffer.from("masked") }),
        }),
      ],
    });
    expect(String(replaced.sent[0]?.body)).toBe("masked");
    const refused = await play({
      steps: [
        step("contract", {
          onResponse: () => ({
            verdict: "reject",
            rejection: rejection("contract.response_invalid"),
          }),
        }),
      ],
    });
    expect(refused.outcomes[0]).toMatchObject({
      decision: "error",
      stage: "contract",
      status: 502,
    });
    const shadowed = await play({
      steps: [
        step(
          "masking",
          { onResponse: () => ({ verdict: "replace", body: Buffer.from("masked") }) },
          { mode: "shadow" },
        ),
      ],
    });
    expect(String(shadowed.sent[0]?.body)).toBe("hi");
  });

  test("a caller who left before the upstream was called costs no upstream call", async () => {
    const { outcomes, sent, forwarded } = await play({ isGone: () => true });
    expect([forwarded, sent.length]).toEqual([0, 0]);
    expect(outcomes[0]).toMatchObject({
      status: 499,
      stage: "listener",
      code: "listener.caller_gone",
    });
  });

  test("an answer that a stage must judge is never passed on as a stream", async () => {
    const body = new PassThrough();
    const { outcomes } = await play({
      steps: [step("masking", { onResponse: () => ({ verdict: "continue" }) })],
      forward: async () => ({ kind: "response", response: { status: 200, headers: [], body } }),
    });
    expect(outcomes[0]).toMatchObject({ code: "gateway.invariant_broken", status: 500 });
    expect(body.destroyed).toBe(true);
  });

  test("a stream that broke on the way is an upstream error, not an allow", async () => {
    const { outcomes } = await play({
      isComplete: false,
      forward: async () => ({
        kind: "response",
        response: { status: 200, headers: [], body: new PassThrough() },
      }),
    });
    expect(outcomes[0]).toMatchObject({
      decision: "error",
      stage: "upstream",
      code: "upstream.connection_lost",
    });
  });

  test("a stream that its upstream let fall silent is recorded as what it was", async () => {
    const body = new PassThrough();
    body.on("error", () => {});
    body.destroy(new AnswerBroken("upstream.timeout", "silent"));
    const { outcomes } = await play({
      isComplete: false,
      forward: async () => ({ kind: "response", response: { status: 200, headers: [], body } }),
    });
    expect(outcomes[0]).toMatchObject({ decision: "error", code: "upstream.timeout" });
  });

  test("an answer that cannot be written is recorded once, as a bug", async () => {
    const { outcomes, sent } = await play({ sendError: new TypeError("invalid header") });
    expect(sent).toEqual([]);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toMatchObject({ decision: "error", code: "gateway.invariant_broken" });
  });
});
