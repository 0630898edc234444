/**
 * The constitution for operators: load, promote, roll back, break the glass, and see what is where. It answers tools on
 * this machine only, and must never do what it was not asked for in so many words.
 */
import type { Constitution } from "../packs/life/constitution.ts";
import { isRefusal } from "../packs/life/life-error.ts";
import type { BreakGlass } from "../packs/panic/break-glass.ts";
import { BreakGlassRefused } from "../packs/panic/break-glass-error.ts";
import type { BreakGlassOrder } from "../packs/panic/break-glass-order.ts";
import { asObject, parseStrictJson } from "../config/strict-json.ts";
import { refusalAtDoor } from "./constitution-door.ts";
import { breakGlassView, shadowView, viewOf } from "./constitution-view.ts";
import { jsonAnswer, type OperatorAnswer } from "./operator-answer.ts";
import { OPERATOR_BODY_BYTES, type OperatorRequest } from "./operator-request.ts";

/** What is asked about; looked up for each request, for a new configuration may bring others. */
export interface ConstitutionSource {
  readonly constitution: Constitution | undefined;
  readonly breakGlass: BreakGlass | undefined;
}

/** Undefined: not a path of the constitution. */
export type ConstitutionPages = (
  request: OperatorRequest,
) => Promise<OperatorAnswer> | OperatorAnswer | undefined;

type Stage = "active" | "next" | "canary";

interface Page {
  readonly method: "GET" | "POST";
  answer(
    request: OperatorRequest,
    source: ConstitutionSource,
  ): Promise<OperatorAnswer> | OperatorAnswer;
}

/** Asked wrongly; the text is for whoever asked. */
class BadRequest extends Error {
  override readonly name = "BadRequest";
}

class NotConfigured extends Error {
  override readonly name = "NotConfigured";
}

const BREAK_GLASS = "/__breakglass";

const PAGES: ReadonlyMap<string, Page> = new Map<string, Page>([
  [
    "/_constitution",
    {
      method: "GET",
      answer: (request, source) => {
        stageOf(request, []);
        return jsonAnswer(200, viewOf(constitutionOf(source), source.breakGlass?.state));
      },
    },
  ],
  [
    "/_constitution/shadow",
    {
      method: "GET",
      answer: (request, source) => {
        stageOf(request, []);
        const report = constitutionOf(source).shadowReport();
        if (report) return jsonAnswer(200, shadowView(report));
        return refused(404, "constitution.no_shadow", "no candidate has been loaded");
      },
    },
  ],
  [
    "/_reload",
    operation(["active", "next", "canary"], (of, stage) => of.reload(stage ?? "active")),
  ],
  ["/_promote", operation([], (of) => of.promote())],
  ["/_rollback", operation([], (of) => of.rollback())],
  [
    "/_drop",
    operation(["next", "canary"], (of, stage) => {
      if (stage !== "next" && stage !== "canary")
        throw new BadRequest("say which: /_drop?stage=next or /_drop?stage=canary");
      return of.drop(stage);
    }),
  ],
  [BREAK_GLASS, { method: "POST", answer: startBreakGlass }],
  [`${BREAK_GLASS}/clear`, { method: "POST", answer: clearBreakGlass }],
]);

export function constitutionPages(source: ConstitutionSource): ConstitutionPages {
  return (request) => {
    const { path } = request;
    const page = PAGES.get(path);
    const isBreakGlass = path === BREAK_GLASS || path.startsWith(`${BREAK_GLASS}/`);
    if (page === undefined && !isBreakGlass) return undefined;
    const refusal = refusalAtDoor(request);
    // Paths that do not exist, too: nobody from elsewhere learns which do.
    if (refusal)
      return refused(
        403,
        `${isBreakGlass ? "breakglass" : "constitution"}.${refusal.code}`,
        refusal.message,
      );
    if (page === undefined) return refused(404, "operator.not_found", "there is no such page");
    if (!isMethodOf(page, request.method))
      return {
        ...refused(405, "operator.method_not_allowed", `${path} takes ${page.method}`),
        ...(page.method === "POST" && { allow: "POST" }),
      };
    return answerOf(page, request, source);
  };
}

async function answerOf(
  page: Page,
  request: OperatorRequest,
  source: ConstitutionSource,
): Promise<OperatorAnswer> {
  try {
    return await page.answer(request, source);
  } catch (error) {
    if (error instanceof BadRequest) return refused(400, "operator.bad_request", error.message);
    if (error instanceof NotConfigured)
      return refused(404, "operator.not_configured", error.message);
    if (error instanceof BreakGlassRefused) return refused(422, error.code, error.message);
    throw error;
  }
}

function operation(
  stages: readonly Stage[],
  act: (of: Constitution, stage: Stage | undefined) => ReturnType<Constitution["reload"]>,
): Page {
  return {
    method: "POST",
    answer: async (request, source) => {
      const stage = stageOf(request, stages);
      requireMembers(bodyOf(request), []);
      try {
        return jsonAnswer(200, await act(constitutionOf(source), stage));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const { code, message, findings } = error;
        return jsonAnswer(422, { ok: false, stage: stage ?? "active", code, message, findings });
      }
    },
  };
}

async function startBreakGlass(
  request: OperatorRequest,
  source: ConstitutionSource,
): Promise<OperatorAnswer> {
  stageOf(request, []);
  const state = await breakGlassOf(source).start(orderOf(bodyOf(request)));
  return jsonAnswer(200, { ok: true, ...breakGlassView(state) });
}

async function clearBreakGlass(
  request: OperatorRequest,
  source: ConstitutionSource,
): Promise<OperatorAnswer> {
  stageOf(request, []);
  requireMembers(bodyOf(request), []);
  const wasActive = await breakGlassOf(source).clear();
  return jsonAnswer(200, { ok: true, was_active: wasActive });
}

type Members = Readonly<Record<string, unknown>>;

/** What is wrong with time and reason, break-glass itself says. */
function orderOf(members: Members): BreakGlassOrder {
  requireMembers(members, ["ttl_sec", "reason", "by", "signature", "not_after", "nonce"]);
  const { ttl_sec: ttlSec, reason } = members;
  const by = textOf(members, "by");
  const signature = textOf(members, "signature");
  const notAfter = textOf(members, "not_after");
  const nonce = textOf(members, "nonce");
  const order = { ttlSec: ttlSec as number, reason: reason as string, by };
  if (signature === undefined && notAfter === undefined && nonce === undefined) return order;
  if (signature === undefined || notAfter === undefined || nonce === undefined)
    throw new BadRequest("signature, not_after and nonce are given together");
  return { ...order, approval: { signature, notAfter, nonce } };
}

function textOf(members: Members, name: string): string | undefined {
  const value = members[name];
  if (value === undefined || typeof value === "string") return value;
  throw new BadRequest(`"${name}" is a text`);
}

function bodyOf({ body }: OperatorRequest): Members {
  if (body.length === 0) return {};
  if (body.length > OPERATOR_BODY_BYTES)
    throw new BadRequest(`a body has at most ${OPERATOR_BODY_BYTES} bytes`);
  const parsed = parseStrictJson(body);
  if ("refused" in parsed) throw new BadRequest(`the body: ${parsed.refused}`);
  const members = asObject(parsed.value);
  if (members) return members;
  throw new BadRequest("the body is not a JSON object");
}

function requireMembers(members: Members, known: readonly string[]): void {
  const unknown = Object.keys(members).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new BadRequest(
    known.length === 0 ? "this takes no body" : `the body may have ${known.join(", ")}`,
  );
}

/** The stage that is asked for; undefined when none is. What else stands in the query is refused. */
function stageOf({ query }: OperatorRequest, allowed: readonly Stage[]): Stage | undefined {
  const [first, ...rest] = [...query];
  if (first === undefined) return undefined;
  const [name, text] = first;
  const stage = allowed.find((one) => one === text);
  if (name === "stage" && stage !== undefined && rest.length === 0) return stage;
  throw new BadRequest(
    allowed.length === 0 ? "this takes no parameters" : `stage is one of ${allowed.join(", ")}`,
  );
}

function isMethodOf({ method }: Page, asked: string): boolean {
  return asked === method || (method === "GET" && asked === "HEAD");
}

function constitutionOf({ constitution }: ConstitutionSource): Constitution {
  if (constitution) return constitution;
  throw new NotConfigured("the configuration has no constitution");
}

function breakGlassOf({ breakGlass }: ConstitutionSource): BreakGlass {
  if (breakGlass) return breakGlass;
  throw new NotConfigured("the configuration has no break-glass");
}

function refused(status: number, code: string, message: string): OperatorAnswer {
  return jsonAnswer(status, { ok: false, code, message });
}
