/** Requests for the tests of the contract stage, made by hand: no listener stands in front. Never part of the product. */
import type { CallerRequest, RequestContext, Route } from "../../pipeline/request-context.ts";
import type { Decision, StageHandlers } from "../../pipeline/stage.ts";
import { type ContractRoute, contractSchema, PLAIN_CONTRACT } from "./config.ts";
import { contract } from "./stage.ts";

export const ROUTE: Route = {
  id: "churn.v2.predict",
  template: "/churn/{version:slug}/predict",
  methods: ["POST", "GET"],
  model: "churn",
  version: "v2",
  upstream: "churn-v2",
  bodyLimitBytes: 65_536,
  bodyMode: "buffer",
};
export const SCHEMA = {
  file: "churn.request.json",
  text: JSON.stringify({
    type: "object",
    required: ["age"],
    properties: { age: { type: "integer", minimum: 0 } },
    additionalProperties: false,
  }),
};

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly isChunked?: boolean;
  readonly contentLength?: number;
  readonly query?: string;
  readonly params?: Readonly<Record<string, string>>;
}

export function contextOf(sent: Sent, route: Route): RequestContext {
  const body = Buffer.from(sent.body ?? "");
  const headers: Readonly<Record<string, string>> = sent.headers ?? {
    "content-type": "application/json",
  };
  const request = {
    method: sent.method ?? "POST",
    url: { path: "/", query: sent.query ?? "", target: "/" },
    headers: { get: (name: string) => headers[name], fields: [] },
    contentLength: sent.isChunked ? undefined : (sent.contentLength ?? body.length),
  } as unknown as CallerRequest;
  return {
    request,
    route,
    body,
    params: sent.params ?? {},
    facts: {},
  } as unknown as RequestContext;
}

export interface Setup {
  readonly route?: Partial<Route>;
  readonly settings?: Partial<ContractRoute>;
  readonly defaults?: object;
}

export function bind({ route, settings, defaults }: Setup = {}): {
  readonly handlers: StageHandlers<"contract">;
  readonly bound: Route;
} {
  const bound = { ...ROUTE, ...route };
  const stage = contract({
    defaults: contractSchema.parse(defaults ?? {}),
    routes: new Map([[bound.id, { ...PLAIN_CONTRACT, ...settings }]]),
  });
  const handlers = stage.bind(bound);
  if (!handlers) throw new Error("not bound");
  return { handlers, bound };
}

/** Runs the head and, if that lets it pass, the body, as the runner does. */
export function decide(sent: Sent, setup: Setup = {}): Decision<"contract"> {
  const { handlers, bound } = bind(setup);
  const context = contextOf(sent, bound);
  const head = handlers.onHead?.({ ...context, body: Buffer.alloc(0) });
  if (head instanceof Promise || head === undefined) throw new Error("the head waits for nothing");
  if (head.verdict !== "continue" || !handlers.onBody) return head;
  const body = handlers.onBody(context);
  if (body instanceof Promise) throw new Error("the body waits for nothing");
  return body;
}

export const codeOf = (decision: Decision<"contract">): string =>
  decision.verdict === "reject" ? decision.rejection.code : decision.verdict;
