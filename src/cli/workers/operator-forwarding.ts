/**
 * The operator's requests on their way to the workers: a question is put to one of them, an order to each. An order that
 * not every worker has carried out must never be answered as done.
 */
import type { LedgerPages } from "../../admin/ledger-pages.ts";
import { jsonAnswer, type OperatorAnswer } from "../../admin/operator-answer.ts";
import type { OperatorPages } from "../../admin/operator-listener.ts";
import type { OperatorRequest } from "../../admin/operator-request.ts";
import type { Crew, CrewMember } from "./crew.ts";
import type { ForwardedRequest } from "./messages.ts";

/** An order reads and proves packs, or writes state durably; a worker that needs longer is stuck. */
const ORDER_TIMEOUT_MS = 30_000;

/** What the primary answers by itself. */
const OWN_PATHS = new Set(["/livez", "/readyz", "/metrics"]);
/** Kept in a file that all workers read: a second one that carried the order out would do it twice. */
const SHARED_STATE = /^\/kill(?:$|\/)/;
/** Names the worker that a question is for. Default: the first that is ready. */
const WORKER_PARAMETER = "worker";

/** A worker's answer to an order, or why there is none. */
interface Carried {
  readonly worker: number;
  readonly answer: OperatorAnswer | string;
}

/** Answers in the workers' place; undefined for what no worker has a page for. */
export function forwardedPages(crew: Crew): OperatorPages {
  return (request) => {
    const { path, method } = request;
    if (OWN_PATHS.has(path) || path === "/ledger" || path.startsWith("/ledger/")) return undefined;
    const isQuestion = method === "GET" || method === "HEAD";
    return isQuestion || SHARED_STATE.test(path) ? one(crew, request) : all(crew, request);
  };
}

/** Each worker keeps a ledger of its own; `?worker=2` names whose is meant. */
export function forwardedLedger(crew: Crew): LedgerPages {
  return async (path, query) => {
    const chosen = choose(crew, new URLSearchParams(query));
    if ("refused" in chosen) return chosen.refused;
    const { link } = chosen.member;
    const answer = await link
      .ask("ledger", { path, query: chosen.query }, ORDER_TIMEOUT_MS)
      .catch((error: unknown) => noAnswer(error));
    return answer ?? jsonAnswer(404, { error: "not found" });
  };
}

type ReadyMember = Crew["ready"][number];

async function one(crew: Crew, request: OperatorRequest): Promise<OperatorAnswer | undefined> {
  const chosen = choose(crew, request.query);
  if ("refused" in chosen) return chosen.refused;
  const forwarded = toForwarded(request, chosen.query);
  const answer = await chosen.member.link
    .ask("operate", forwarded, ORDER_TIMEOUT_MS)
    .catch((error: unknown) => noAnswer(error));
  return answer ?? undefined;
}

/** One after the other: two workers that replace the same files at the same time would be in each other's way. */
async function all(crew: Crew, request: OperatorRequest): Promise<OperatorAnswer | undefined> {
  const forwarded = toForwarded(request, request.query.toString());
  const carried: Carried[] = [];
  for (const member of crew.members) {
    const answer = await orderTo(member, forwarded);
    if (answer === null) return undefined;
    carried.push({ worker: member.seat.number, answer });
  }
  return togetherOf(carried);
}

async function orderTo(
  { link }: CrewMember,
  request: ForwardedRequest,
): Promise<OperatorAnswer | string | null> {
  if (!link?.isReady) return "it is starting";
  try {
    return await link.ask("operate", request, ORDER_TIMEOUT_MS);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Where all say the same, that is the answer; else each is told, and the whole is a failure. */
function togetherOf(carried: readonly Carried[]): OperatorAnswer {
  const statuses = carried.map(({ answer }) => (typeof answer === "string" ? 503 : answer.status));
  const [first] = carried;
  if (first && typeof first.answer !== "string" && new Set(statuses).size === 1)
    return first.answer;
  const failed = carried.filter((_, i) => (statuses[i] as number) >= 400);
  return jsonAnswer(Math.max(...statuses), {
    ok: false,
    code: "operator.workers_differ",
    message: `${failed.length} of ${carried.length} workers did not do this`,
    workers: carried.map(({ worker, answer }, i) => ({
      worker,
      status: statuses[i],
      answer: typeof answer === "string" ? answer : parsed(answer),
    })),
  });
}

function parsed({ contentType, text }: OperatorAnswer): unknown {
  return contentType === "application/json" ? (JSON.parse(text) as unknown) : text;
}

type Chosen =
  | { readonly member: ReadyMember; readonly query: string }
  | { readonly refused: OperatorAnswer };

function choose(crew: Crew, query: URLSearchParams): Chosen {
  const rest = new URLSearchParams(query);
  const wanted = rest.getAll(WORKER_PARAMETER);
  rest.delete(WORKER_PARAMETER);
  if (wanted.length > 1) return { refused: badWorker(crew) };
  const [text] = wanted;
  const isThere =
    text === undefined || crew.members.some(({ seat }) => String(seat.number) === text);
  if (!isThere) return { refused: badWorker(crew) };
  const member = crew.ready.find(({ seat }) => text === undefined || String(seat.number) === text);
  if (member) return { member, query: rest.toString() };
  const message = "the worker is starting; ask again";
  return { refused: refusal(503, "operator.worker_starting", message) };
}

const badWorker = ({ members }: Crew): OperatorAnswer =>
  refusal(400, "operator.bad_request", `worker is a number from 1 to ${members.length}`);

/** A message that waits at a worker which stands still may be read when it goes on. */
function noAnswer(error: unknown): OperatorAnswer {
  const why = error instanceof Error ? error.message : "no worker answers";
  return refusal(503, "operator.worker_silent", `${why}: an order may have been carried out, look`);
}

const refusal = (status: number, code: string, message: string): OperatorAnswer =>
  jsonAnswer(status, { ok: false, code, message });

const toForwarded = (
  { method, path, peerAddress, headers, body }: OperatorRequest,
  query: string,
): ForwardedRequest => ({
  method,
  path,
  peerAddress,
  headers,
  query,
  body: body.toString("base64"),
});
