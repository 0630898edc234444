/**
 * Kill switches for operators: see them, put one on, take one off. It answers tools on this machine only, and must never
 * take a request that it does not understand whole for a smaller one.
 */
import { asObject, parseStrictJson } from "../config/strict-json.ts";
import { KILL_PARTS, KillRequestRefused } from "../stores/kill/kill-draft.ts";
import type {
  KillDraft,
  KillScope,
  KillSwitch,
  KillSwitchStore,
} from "../stores/kill/kill-switch-store.ts";
import { refusalAtDoor } from "./constitution-door.ts";
import { jsonAnswer, type OperatorAnswer } from "./operator-answer.ts";
import type { OperatorRequest } from "./operator-request.ts";

export interface KillPagesTools {
  /** Undefined until the gateway has opened it. */
  readonly store: () => Pick<KillSwitchStore, "active" | "on" | "off"> | undefined;
  /** What a draft names that the configuration does not have: it is taken, and said. */
  readonly warningsAbout: (draft: Pick<KillDraft, "scope" | "routeTo">) => readonly string[];
  readonly nowMs: () => number;
}

/** Undefined: not a path of kill switches. */
export type KillPages = (request: OperatorRequest) => Promise<OperatorAnswer> | undefined;

/** A switch as it is shown: names in snake case, moments in RFC 3339. */
export interface KillView {
  readonly id: string;
  readonly scope: KillScope;
  readonly reason: string;
  readonly author: string;
  readonly created: string;
  readonly expires: string | null;
  readonly route_to: string | null;
}

type Members = Readonly<Record<string, unknown>>;
type Store = NonNullable<ReturnType<KillPagesTools["store"]>>;

/** Asked wrongly; the text is for whoever asked. */
class BadRequest extends Error {
  override readonly name = "BadRequest";
}

const ORDER_MEMBERS: readonly string[] = [
  ...KILL_PARTS,
  "reason",
  "by",
  "for_sec",
  "until",
  "route_to",
];
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

export function killPages(tools: KillPagesTools): KillPages {
  return (request) => {
    const { path } = request;
    if (path !== "/kill" && !path.startsWith("/kill/")) return undefined;
    return answerTo(request, tools);
  };
}

export function killView(killSwitch: KillSwitch): KillView {
  const { id, scope, reason, author, createdAtMs, expiresAtMs, routeTo } = killSwitch;
  return {
    id,
    scope,
    reason,
    author,
    created: new Date(createdAtMs).toISOString(),
    expires: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
    route_to: routeTo ?? null,
  };
}

async function answerTo(request: OperatorRequest, tools: KillPagesTools): Promise<OperatorAnswer> {
  const refusal = refusalAtDoor(request);
  // Paths that do not exist, too: nobody from elsewhere learns which do.
  if (refusal) return refused(403, `kill.${refusal.code}`, refusal.message);
  const { path, method } = request;
  if (path !== "/kill" && path !== "/kill/off")
    return refused(404, "operator.not_found", "there is no such page");
  const isRead = method === "GET" || method === "HEAD";
  if (method !== "POST" && !(isRead && path === "/kill"))
    return {
      ...refused(405, "operator.method_not_allowed", `${path} does not take ${method}`),
      allow: path === "/kill" ? "GET, HEAD, POST" : "POST",
    };
  const store = tools.store();
  if (!store) return refused(503, "kill.not_ready", "the gateway is starting: try again");
  try {
    if ([...request.query].length > 0) throw new BadRequest("this takes no parameters");
    if (isRead) return jsonAnswer(200, { ok: true, switches: store.active.map(killView) });
    const members = bodyOf(request);
    return path === "/kill"
      ? await switchOn(members, store, tools)
      : await switchOff(members, store);
  } catch (error) {
    if (error instanceof BadRequest) return refused(400, "operator.bad_request", error.message);
    if (error instanceof KillRequestRefused) return refused(422, "kill.refused", error.message);
    // The disk is full or the file locked: nothing was written, and whoever asked must not believe otherwise.
    const cause = error instanceof Error ? error.message : String(error);
    return refused(503, "kill.not_stored", `nothing was changed: ${cause}`);
  }
}

async function switchOn(
  members: Members,
  store: Store,
  tools: KillPagesTools,
): Promise<OperatorAnswer> {
  const draft = draftOf(members, tools.nowMs());
  const killSwitch = await store.on(draft);
  return jsonAnswer(200, {
    ok: true,
    switch: killView(killSwitch),
    warnings: tools.warningsAbout(killSwitch),
  });
}

async function switchOff(members: Members, store: Store): Promise<OperatorAnswer> {
  requireMembers(members, ["id", "by"]);
  const id = requireText(members, "id");
  if (await store.off(id, requireText(members, "by"))) return jsonAnswer(200, { ok: true, id });
  return refused(404, "kill.unknown", `there is no kill switch ${JSON.stringify(id)} that is on`);
}

function draftOf(members: Members, nowMs: number): KillDraft {
  requireMembers(members, ORDER_MEMBERS);
  return {
    scope: Object.fromEntries(
      KILL_PARTS.flatMap((part) => {
        const value = textOf(members, part);
        return value === undefined ? [] : [[part, value]];
      }),
    ),
    reason: requireText(members, "reason"),
    author: requireText(members, "by"),
    expiresAtMs: expiryOf(members, nowMs),
    routeTo: textOf(members, "route_to"),
  };
}

function expiryOf(members: Members, nowMs: number): number | undefined {
  const until = textOf(members, "until");
  const { for_sec: forSec } = members;
  if (until !== undefined && forSec !== undefined)
    throw new BadRequest("give for_sec or until, not both");
  if (until !== undefined) {
    const ms = MOMENT.test(until) ? Date.parse(until) : Number.NaN;
    if (Number.isNaN(ms)) throw new BadRequest('"until" is a time such as 2026-11-22T13:00:00Z');
    return ms;
  }
  if (forSec === undefined) return undefined;
  if (typeof forSec !== "number" || !Number.isSafeInteger(forSec) || forSec < 1)
    throw new BadRequest('"for_sec" is a number of whole seconds, from 1');
  return nowMs + forSec * 1_000;
}

function textOf(members: Members, name: string): string | undefined {
  const value = members[name];
  if (value === undefined || typeof value === "string") return value;
  throw new BadRequest(`"${name}" is a text`);
}

function requireText(members: Members, name: string): string {
  const value = textOf(members, name);
  if (value === undefined || value === "") throw new BadRequest(`"${name}" is missing`);
  return value;
}

function requireMembers(members: Members, known: readonly string[]): void {
  const unknown = Object.keys(members).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new BadRequest(`the body may have ${known.join(", ")}`);
}

function bodyOf({ body }: OperatorRequest): Members {
  const parsed = parseStrictJson(body);
  if ("refused" in parsed) throw new BadRequest(`the body: ${parsed.refused}`);
  const members = asObject(parsed.value);
  if (members) return members;
  throw new BadRequest("the body is not a JSON object");
}

function refused(status: number, code: string, message: string): OperatorAnswer {
  return jsonAnswer(status, { ok: false, code, message });
}
