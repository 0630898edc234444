/** Requests through the real runner, with real limits and a real signed pack before a recording upstream. */
import { Readable } from "node:stream";
import {
  contextOf,
  FrozenClock,
  routeOf,
  type ContextInput,
} from "../../../test/support/context.ts";
import { parseSecretRef, type SecretRef } from "../../config/secrets/reference.ts";
import { Secret } from "../../config/secrets/secret.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import type { Facts, Governed, Identity } from "../../pipeline/facts.ts";
import type { Outcome } from "../../pipeline/outcome.ts";
import { planOf, type Step } from "../../pipeline/plan.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { GatewayResponse } from "../../pipeline/response.ts";
import { run } from "../../pipeline/run.ts";
import type { PreparedStage, StageMode } from "../../pipeline/stage.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { limitsSchema } from "../limits/config.ts";
import { limits } from "../limits/stage.ts";
import { constitutionSchema } from "./config.ts";
import { constitution, type ConstitutionTools, type Packs } from "./stage.ts";

export interface RunScript {
  readonly packs: Packs;
  /** Of the section, besides what names the pack. */
  readonly section?: object;
  readonly route?: Partial<Route>;
  readonly partner?: string;
  /** What references name, by their text. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly breakGlass?: ConstitutionTools["breakGlass"];
  readonly mode?: StageMode;
  /** Stages before this one, and what they learn. */
  readonly before?: readonly Step[];
  readonly identity?: Identity;
  readonly facts?: Facts;
  readonly upstream?: GatewayResponse;
  readonly previous?: PreparedStage<"constitution">;
}

export interface Ran {
  readonly outcome: Outcome;
  readonly answer: GatewayResponse;
  readonly body: { readonly error?: { readonly details: { readonly reason: string } } };
  /** Whether the upstream saw it. */
  readonly isForwarded: boolean;
  readonly governed: Governed | undefined;
}

const PACK = {
  signature: "file:pack.json",
  rules: "file:p.yaml",
  form: "pack_json",
  keys: ["env:K"],
};

/** The stage on one route; `call` sends one request after the other through it. */
export async function runsOf(script: RunScript) {
  const clock = new FrozenClock();
  const route = routeOf(script.route);
  const partner = script.partner;
  const readSecret = async (reference: SecretRef): Promise<Secret> => {
    for (const [text, secret] of Object.entries(script.secrets ?? {}))
      if (JSON.stringify(parseSecretRef(text)) === JSON.stringify(reference))
        return Secret.fromText(secret);
    throw new Error("no such secret");
  };
  const stage = await constitution(
    {
      ...constitutionSchema.parse({ ...PACK, ...script.section }),
      webhookRoutes: new Map(partner === undefined ? [] : [[route.id, partner]]),
    },
    {
      clock,
      constitution: script.packs,
      breakGlass: script.breakGlass,
      previous: script.previous,
      readSecret,
      readFile: async () => Buffer.alloc(0),
    },
  );
  const handlers = stage.bind(route);
  if (!handlers) throw new Error("not bound");
  const steps: Step[] = [
    ...(script.before ?? []),
    { stage: "constitution", mode: script.mode ?? "enforce", whenBroken: "continue", handlers },
  ];
  const call = async (input: ContextInput = {}): Promise<Ran> => {
    const { request, body } = contextOf({ ...input, route });
    const facts = { ...script.facts, ...(script.identity && { identity: script.identity }) };
    const plan = planOf(route, [...toSteps(facts), ...steps], {
      responseLimitBytes: 1_024,
      destination: "upstream",
    });
    const { exchange, answers } = exchangeOf(request, body);
    const outcomes: Outcome[] = [];
    let isForwarded = false;
    await run(
      { exchange, plan, params: {} },
      {
        clock,
        recorder: { record: (outcome) => outcomes.push(outcome) },
        forwarder: {
          forward: async () => {
            isForwarded = true;
            const response = script.upstream ?? {
              status: 200,
              headers: [],
              body: Buffer.from("ok"),
            };
            return { kind: "response", response };
          },
        },
      },
    );
    const [outcome, answer] = [outcomes[0] as Outcome, answers[0] as GatewayResponse];
    const text = String(answer.body);
    return {
      outcome,
      answer,
      body: text.startsWith("{") ? JSON.parse(text) : {},
      isForwarded,
      governed: outcome.context.facts.constitution,
    };
  };
  return { call, clock, stage, handlers };
}

/** Stages that learn these facts. */
function toSteps(facts: Facts): Step[] {
  return Object.entries(facts).map(([stage, learned]) => ({
    stage: stage as Step["stage"],
    mode: "enforce",
    whenBroken: "reject",
    handlers: { onHead: () => ({ verdict: "continue", learned }) },
  }));
}

function exchangeOf(request: Exchange["request"], body: Buffer) {
  const answers: GatewayResponse[] = [];
  const exchange: Exchange = {
    request,
    isCallerGone: false,
    bytesIn: body.length,
    onCallerGone() {},
    readBody: async () => body,
    streamBody: () => Readable.from([body]),
    send(response) {
      answers.push(response);
      return { bytesOut: 0, isComplete: true };
    },
  };
  return { exchange, answers };
}

/** Real limits, as a step before the constitution. */
export function limitsStep(
  section: object,
  { isLeft, mode = "enforce" }: { readonly isLeft: boolean; readonly mode?: StageMode },
  clock: FrozenClock = new FrozenClock(),
): Step {
  const route = routeOf();
  const stage = limits(
    {
      ...limitsSchema.parse(section),
      routes: new Map(),
      leftToConstitution: isLeft ? new Set([route.id]) : undefined,
    },
    { store: new MemoryLimitStore(), clock },
  );
  const handlers = stage.bind(route);
  if (!handlers) throw new Error("not bound");
  return { stage: "limits", mode, whenBroken: "reject", handlers };
}
