/** The operator's requests to workers: who is asked, and that a thing half done is never called done. */
import { describe, expect, test } from "vitest";
import { jsonAnswer, type OperatorAnswer } from "../../admin/operator-answer.ts";
import type { OperatorRequest } from "../../admin/operator-request.ts";
import type { Crew } from "./crew.ts";
import type { ForwardedRequest } from "./messages.ts";
import { forwardedLedger, forwardedPages } from "./operator-forwarding.ts";

type Answering = (ask: unknown) => OperatorAnswer | null | Error;

/** Workers that answer as told; undefined for one that is starting. */
function crewOf(...answering: (Answering | undefined)[]) {
  const asked: { worker: number; ask: unknown }[] = [];
  const members = answering.map((answer, i) => ({
    seat: { number: i + 1, count: answering.length },
    link: answer && {
      isReady: true,
      ask: async (_question: string, ask: unknown) => {
        asked.push({ worker: i + 1, ask });
        const given = answer(ask);
        if (given instanceof Error) throw given;
        return given;
      },
    },
  }));
  const crew = { members, ready: members.filter(({ link }) => link) } as unknown as Crew;
  return { crew, asked };
}

const request = (method: string, path: string, query = ""): OperatorRequest => ({
  method,
  path,
  query: new URLSearchParams(query),
  body: Buffer.from('{"reason":"ä"}'),
  peerAddress: "127.0.0.1",
  headers: { host: "localhost" },
});

const ok =
  (body: object = { ok: true }) =>
  () =>
    jsonAnswer(200, body);
const refused = () => jsonAnswer(422, { ok: false, code: "life.no_candidate" });

const answerOf = async (crew: Crew, given: OperatorRequest) => {
  const answer = await forwardedPages(crew)(given);
  return answer && { status: answer.status, body: JSON.parse(answer.text) as object };
};

describe("an order", () => {
  test("goes to every worker, as it was given", async () => {
    const { crew, asked } = crewOf(ok(), ok(), ok());
    expect(await answerOf(crew, request("POST", "/_reload", "stage=next"))).toEqual({
      status: 200,
      body: { ok: true },
    });
    expect(asked.map(({ worker }) => worker)).toEqual([1, 2, 3]);
    const { body, ...rest } = (asked[2] as (typeof asked)[number]).ask as ForwardedRequest;
    expect(Buffer.from(body, "base64").toString()).toBe('{"reason":"ä"}');
    expect(rest).toEqual({
      method: "POST",
      path: "/_reload",
      query: "stage=next",
      peerAddress: "127.0.0.1",
      headers: { host: "localhost" },
    });
  });

  test("that all refuse is answered as they do", async () => {
    const { crew } = crewOf(refused, refused);
    expect(await answerOf(crew, request("POST", "/_promote"))).toEqual({
      status: 422,
      body: { ok: false, code: "life.no_candidate" },
    });
  });

  test.each([
    ["refuses", refused, 422],
    ["does not answer", () => new Error("worker 2 did not answer in time"), 503],
    ["is starting", undefined, 503],
  ])("that one worker %s is a failure, and says whose", async (_how, second, status) => {
    const { crew, asked } = crewOf(ok(), second, ok());
    const answer = await answerOf(crew, request("POST", "/_promote"));
    expect(answer).toMatchObject({
      status,
      body: {
        ok: false,
        code: "operator.workers_differ",
        message: "1 of 3 workers did not do this",
        workers: [
          { worker: 1, status: 200 },
          { worker: 2, status },
          { worker: 3, status: 200 },
        ],
      },
    });
    expect(asked.map(({ worker }) => worker)).toEqual(second ? [1, 2, 3] : [1, 3]);
  });

  test("about what all workers read from one file goes to one of them", async () => {
    const { crew, asked } = crewOf(ok(), ok());
    await answerOf(crew, request("POST", "/kill"));
    await answerOf(crew, request("DELETE", "/kill/k1"));
    expect(asked.map(({ worker }) => worker)).toEqual([1, 1]);
  });

  test.each<[string, Answering | undefined, string, string]>([
    ["that does not answer", () => new Error("did not answer in time"), "", "worker_silent"],
    ["that is starting", undefined, "", "worker_starting"],
    ["that is none", ok(), "worker=9", "bad_request"],
  ])("to a worker %s is refused in words for whoever gave it", async (_, worker, query, code) => {
    const { crew } = crewOf(worker);
    const answer = await answerOf(crew, request("POST", "/kill", query));
    expect(answer?.body).toEqual({
      ok: false,
      code: `operator.${code}`,
      message: expect.stringMatching(
        /did not answer in time.*may have been carried out|ask again|from 1 to 1/,
      ) as string,
    });
  });

  test("for a page that does not exist is nobody's", async () => {
    const { crew } = crewOf(
      () => null,
      () => null,
    );
    expect(await answerOf(crew, request("POST", "/nothing"))).toBeUndefined();
  });
});

describe("a question", () => {
  test("goes to the first worker that is ready", async () => {
    const { crew, asked } = crewOf(undefined, ok({ worker: 2 }), ok({ worker: 3 }));
    expect(await answerOf(crew, request("GET", "/_constitution"))).toEqual({
      status: 200,
      body: { worker: 2 },
    });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ["worker=3", 200, [3]],
    ["worker=1", 503, []],
    ["worker=4", 400, []],
    ["worker=x", 400, []],
    ["worker=3&worker=2", 400, []],
  ])("with %s is answered %d", async (query, status, workers) => {
    const { crew, asked } = crewOf(undefined, ok(), ok());
    const answer = await forwardedPages(crew)(request("GET", "/_constitution", query));
    expect(answer?.status).toBe(status);
    expect(asked.map(({ worker }) => worker)).toEqual(workers);
    for (const { ask } of asked) expect((ask as ForwardedRequest).query).toBe("");
  });

  test.each(["/livez", "/readyz", "/metrics", "/ledger", "/ledger/proof/3"])(
    "for %s is the primary's own",
    (path) => {
      const { crew } = crewOf(ok());
      expect(forwardedPages(crew)(request("GET", path))).toBeUndefined();
    },
  );

  test("about the ledger names whose", async () => {
    const { crew, asked } = crewOf(ok(), ok());
    const ledger = forwardedLedger(crew);
    expect((await ledger("/ledger", "limit=2")).status).toBe(200);
    expect((await ledger("/ledger/checkpoint", "worker=2")).status).toBe(200);
    expect(asked).toEqual([
      { worker: 1, ask: { path: "/ledger", query: "limit=2" } },
      { worker: 2, ask: { path: "/ledger/checkpoint", query: "" } },
    ]);
    const { crew: without } = crewOf(() => null);
    expect((await forwardedLedger(without)("/ledger", "")).status).toBe(404);
  });
});
