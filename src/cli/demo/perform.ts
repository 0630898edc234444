/** Sends the play to a gateway over TLS, as any caller would, and judges each answer. Trusts the demo's authority alone. */
import { performance } from "node:perf_hooks";
import { Agent, request as send } from "undici";
import { type BodyName, BODY_LIMIT_BYTES, type PlayRow, type TokenName } from "./play.ts";

/** A customer that does not exist: the request body of the demo and of its curl lines. */
export const CUSTOMER = {
  id: "c-48213",
  inputs: {
    age: 42,
    tenure_months: 18,
    monthly_charges: 74.35,
    total_charges: 1338.3,
    num_calls: 37,
    num_tickets: 2,
    avg_session_min: 12.75,
    days_since_login: 3,
    data_usage_gb: 41.2,
    late_payments: 1,
    discount_rate: 0.15,
    satisfaction: 3.8,
    gender: "female",
    region: "north-west",
    contract: "month-to-month",
    payment_method: "credit card",
    internet_service: "fiber optic",
    device_protection: "yes",
    paperless_billing: "yes",
    plan: "premium plus",
  },
} as const;

const BODIES: Readonly<Record<BodyName, string | undefined>> = {
  customer: JSON.stringify(CUSTOMER),
  attack: JSON.stringify({
    ...CUSTOMER,
    inputs: { ...CUSTOMER.inputs, plan: "x' OR '1'='1' UNION SELECT password FROM users --" },
  }),
  malformed: JSON.stringify(CUSTOMER).slice(0, -1),
  "unknown-input": JSON.stringify({
    ...CUSTOMER,
    inputs: { ...CUSTOMER.inputs, shoe_size: 42 },
  }),
  "too-large": JSON.stringify({ ...CUSTOMER, trace: "x".repeat(BODY_LIMIT_BYTES) }),
  tensors: JSON.stringify({
    inputs: Object.entries(CUSTOMER.inputs).map(([name, value]) => ({
      name,
      datatype: typeof value === "number" ? "FP64" : "BYTES",
      shape: [1],
      data: [value],
    })),
  }),
  none: undefined,
};

/** Longer than any upstream's timeout in the demo: a gateway that hangs fails a row instead of the whole play. */
const ANSWER_TIMEOUT_MS = 15_000;

export interface Stage {
  readonly origin: string;
  /** PEM of the authority that signed the gateway's certificate. */
  readonly ca: string;
  readonly tokens: Readonly<Record<TokenName, string>>;
}

export interface Performed {
  readonly row: PlayRow;
  readonly status: number;
  readonly stage: string;
  readonly code: string;
  readonly latencyMs: number;
  /** The probability, the seconds to wait: what the answer said beyond its code. */
  readonly note: string;
  /** What differs from the row; empty when all is as expected. */
  readonly problems: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: unknown;
}

/** Plays all rows in order; never throws for a bad answer. */
export async function perform(rows: readonly PlayRow[], stage: Stage): Promise<Performed[]> {
  const agent = new Agent({
    connect: { ca: stage.ca },
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });
  try {
    const performed: Performed[] = [];
    for (const row of rows) performed.push(await performRow(row, stage, agent));
    return performed;
  } finally {
    await agent.close();
  }
}

async function performRow(row: PlayRow, stage: Stage, agent: Agent): Promise<Performed> {
  const startedAtMs = performance.now();
  try {
    let answer = await ask(row, stage, agent);
    for (let sent = 1; sent < (row.request.times ?? 1); sent++) {
      answer = await ask(row, stage, agent);
    }
    return judge(row, answer, performance.now() - startedAtMs);
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error);
    const latencyMs = performance.now() - startedAtMs;
    return { row, status: 0, stage: "-", code: "-", latencyMs, note, problems: ["no answer"] };
  }
}

async function ask({ request }: PlayRow, stage: Stage, dispatcher: Agent): Promise<Answer> {
  const body = BODIES[request.body];
  const {
    statusCode,
    headers,
    body: answer,
  } = await send(`${stage.origin}${request.path}`, {
    dispatcher,
    method: request.method,
    headers: {
      ...(request.token && { authorization: `Bearer ${stage.tokens[request.token]}` }),
      ...(body !== undefined && { "content-type": request.contentType ?? "application/json" }),
    },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  return { status: statusCode, headers, json: parseOrNothing(text) };
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Compares an answer with its row. A 200 counts only with the probability in it: a bare 200 proves nothing. */
export function judge(
  row: PlayRow,
  { status, headers, json }: Answer,
  latencyMs: number,
): Performed {
  const { expected } = row;
  const reason = member(json, "error", "details", "reason");
  const code = status === 200 ? "ok" : typeof reason === "string" ? reason : "-";
  const stage = status === 200 ? "upstream" : (code.split(".")[0] as string);
  const missing = (expected.headers ?? []).filter((name) => headers[name] === undefined);
  const problems = [
    ...(status === expected.status ? [] : [`status ${expected.status} expected`]),
    ...(stage === expected.stage ? [] : [`stage ${expected.stage} expected`]),
    ...(code === expected.code ? [] : [`code ${expected.code} expected`]),
    ...(status !== 200 || probabilityIn(json) !== undefined ? [] : ["no probability"]),
    ...missing.map((name) => `header ${name} missing`),
  ];
  return { row, status, stage, code, latencyMs, note: noteOn(headers, json), problems };
}

function noteOn(headers: Answer["headers"], json: unknown): string {
  const probability = probabilityIn(json);
  const wait = headers["retry-after"];
  if (probability === undefined) return wait === undefined ? "" : `Retry-After: ${String(wait)}`;
  const sunset = headers["sunset"];
  return `churn probability ${probability}${sunset === undefined ? "" : ", has a Sunset"}`;
}

/** Of a prediction, or of the first customer in an Open Inference Protocol answer. */
function probabilityIn(json: unknown): number | undefined {
  const found = member(json, "probability") ?? member(json, "outputs", "0", "data", "0");
  return typeof found === "number" ? found : undefined;
}

function member(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
