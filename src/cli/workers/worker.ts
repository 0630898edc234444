/**
 * One worker: a whole gateway whose limits are counted by the primary and whose operator's door is the primary's. It
 * obeys the primary alone (a signal to the whole group must not end it before the primary has drained it), and it never
 * outlives it.
 */
import { Socket } from "node:net";
import type { OperatorAnswer } from "../../admin/operator-answer.ts";
import type { ConfigurationSource } from "../../gateway/configuration.ts";
import { RemoteLimitStore } from "../../stores/limits/remote/remote-limit-store.ts";
import type { OperatorDoor } from "../operator.ts";
import { startPortcullis, type Portcullis } from "../portcullis.ts";
import type { FromWorker, QuestionName, Questions, ToWorker } from "./messages.ts";
import { configurationOfWorker } from "./worker-configuration.ts";
import { LIMIT_CHANNEL_FD } from "./worker-link.ts";
import type { WorkerSeat } from "./worker-seat.ts";

/** Resolves when it serves; what keeps it from starting goes to the primary, which says it once. */
export async function serveAsWorker(source: ConfigurationSource, seat: WorkerSeat): Promise<void> {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, ignore);
  const channel = new Socket({ fd: LIMIT_CHANNEL_FD, readable: true, writable: true });
  // Without the primary nothing can be counted. Its process channel ends this one too, but may be read later.
  channel.once("close", () => process.exit(1));
  const door: { parts: OperatorDoor | undefined } = { parts: undefined };
  try {
    const portcullis = await startPortcullis(source, {
      worker: seat.number,
      limitStore: new RemoteLimitStore({ channel }),
      adapt: (configuration) => configurationOfWorker(configuration, seat),
      openOperator: (_configuration, parts) => {
        door.parts = parts;
        return Promise.resolve(NO_LISTENER);
      },
    });
    answerPrimary(portcullis, door.parts as OperatorDoor);
    say({ kind: "ready" });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ kind: "refused", message }, () => process.exit(1));
  }
}

const ignore = (): void => undefined;

const NO_LISTENER = { host: "", port: 0, close: () => Promise.resolve() };

type Answering = {
  readonly [Name in QuestionName]: (
    ask: Questions[Name]["ask"],
  ) => Promise<Questions[Name]["answer"]>;
};

function answerPrimary(portcullis: Portcullis, door: OperatorDoor): void {
  const answering: Answering = {
    report: async () => ({
      notReady: await door.notReady(),
      degraded: (await door.degraded?.()) ?? [],
      digest: portcullis.digest ?? "",
      metrics: (await door.metrics()).text,
    }),
    reload: async () => ({ isTaken: await portcullis.reload() }),
    operate: async ({ query, body, ...rest }) => {
      const request = {
        ...rest,
        query: new URLSearchParams(query),
        body: Buffer.from(body, "base64"),
      };
      for (const page of door.pages) {
        const answer: OperatorAnswer | undefined = await page(request);
        if (answer) return answer;
      }
      return null;
    },
    ledger: async ({ path, query }) => (await door.ledger?.(path, query)) ?? null,
    drain: async () => {
      const { cutConnections } = await portcullis.drain();
      return { cutConnections, metrics: (await door.metrics()).text };
    },
  };
  process.on("message", (message: ToWorker) => {
    const { question, id, ask } = message;
    if (!Object.hasOwn(answering, question)) return;
    const end = question === "drain" ? () => process.exit(0) : undefined;
    (answering[question] as (ask: unknown) => Promise<unknown>)(ask).then(
      (answer) => say({ kind: "answer", id, answer }, end),
      (error: unknown) => say({ kind: "failed", id, message: String(error) }, end),
    );
  });
}

function say(message: FromWorker, then?: () => void): void {
  process.send?.(message, undefined, undefined, () => then?.());
}
