/** What the primary and a worker say to each other beside limits: questions with an answer each, and two announcements. */
import type { OperatorAnswer } from "../../admin/operator-answer.ts";
import type { OperatorRequest } from "../../admin/operator-request.ts";

/** An operator's request as it crosses to a worker. */
export interface ForwardedRequest extends Pick<
  OperatorRequest,
  "method" | "path" | "peerAddress" | "headers"
> {
  /** As behind the question mark. */
  readonly query: string;
  readonly body: string;
}

/** How a worker is. */
export interface WorkerReport {
  /** Names of what is not ready. */
  readonly notReady: readonly string[];
  /** Names of what is away while it serves without. */
  readonly degraded: readonly string[];
  /** Of the configuration that it serves. */
  readonly digest: string;
  /** Its metrics, as text for a scrape. */
  readonly metrics: string;
}

export interface WorkerDrained {
  readonly cutConnections: number;
  readonly metrics: string;
}

/** Each question by its name: what is asked, and what is answered. */
export interface Questions {
  readonly report: { readonly ask: null; readonly answer: WorkerReport };
  readonly reload: { readonly ask: null; readonly answer: { readonly isTaken: boolean } };
  /** Null where the worker has no such page. */
  readonly operate: { readonly ask: ForwardedRequest; readonly answer: OperatorAnswer | null };
  readonly ledger: {
    readonly ask: { readonly path: string; readonly query: string };
    readonly answer: OperatorAnswer | null;
  };
  /** The worker ends behind its answer. */
  readonly drain: { readonly ask: null; readonly answer: WorkerDrained };
}

export type QuestionName = keyof Questions;

export interface ToWorker {
  readonly question: QuestionName;
  readonly id: number;
  readonly ask: unknown;
}

export type FromWorker =
  | { readonly kind: "ready" }
  /** It could not start; it ends behind this. */
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };

/** Anything else on the channel is Node's own. */
export function isFromWorker(message: unknown): message is FromWorker {
  const kind = (message as { kind?: unknown } | null)?.kind;
  return kind === "ready" || kind === "refused" || kind === "answer" || kind === "failed";
}
