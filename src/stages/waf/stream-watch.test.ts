import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { AnswerBroken } from "../../pipeline/exchange.ts";
import type { Inspected } from "../../pipeline/facts.ts";
import { json, prepare, RULES } from "./waf.test-support.ts";

const EVENTS = ["content-type", "text/event-stream"];

interface Streamed {
  readonly verdict: string | undefined;
  readonly text: string;
  readonly error: unknown;
  readonly fact: Inspected | undefined;
}

interface StreamInput {
  readonly mode?: string;
  readonly budget?: string;
  readonly rules?: string;
  readonly headers?: readonly string[];
}

async function stream(
  pieces: readonly string[],
  { headers = EVENTS, rules = RULES, ...section }: StreamInput = {},
): Promise<Streamed> {
  const prepared = await prepare({ rules, section: { responses: "on", ...section } });
  const { context } = await prepared.request(json({}));
  const decision = prepared.handlers.onStream?.(context, {
    status: 200,
    headers,
    body: Readable.from(pieces.map((piece) => Buffer.from(piece))),
  });
  const fact = context.facts.waf;
  let text = "";
  let error: unknown;
  if (decision?.verdict === "watch")
    try {
      for await (const piece of decision.body) text += String(piece);
    } catch (broken) {
      error = broken;
    }
  return { verdict: decision?.verdict, text, error, fact };
}

/** Some tenths of a millisecond for each window: a negated pattern has to be run to be known. */
const SLOW = `${RULES}\n${Array.from(
  { length: 50 },
  (_, i) => `SecRule RESPONSE_BODY "!@rx x{9}y${i}" "id:${3_000 + i},phase:4,pass,nolog,t:none"`,
).join("\n")}`;
const WORDS = Array.from({ length: 400 }, (_, i) => `data: word ${i}\n\n`);

describe("an event stream", () => {
  test("passes byte for byte, and was inspected whole at its end", async () => {
    const { text, error, fact } = await stream(WORDS);
    expect(error).toBeUndefined();
    expect(text).toBe(WORDS.join(""));
    expect(fact).toMatchObject({ answer: "whole", matched: [], refusedBy: undefined });
  });

  test("is ended where a rule refuses what it says, also across pieces", async () => {
    const { text, error, fact } = await stream([
      ...WORDS,
      "data: ORA-",
      "00933\n\n",
      ...WORDS,
      ...WORDS,
    ]);
    expect(error).toBeInstanceOf(AnswerBroken);
    expect(error).toMatchObject({ code: "waf.response_blocked" });
    // What was not yet a window had been passed on; nothing behind it is.
    expect(text.length).toBeLessThan(WORDS.join("").length + 8_192);
    expect(fact).toMatchObject({ matched: [{ id: 1007 }], refusedBy: { rule: 1007 } });
  });

  test("is ended also where only its last words are refused", async () => {
    const { error } = await stream(["data: ORA-00933\n\n"]);
    expect(error).toMatchObject({ code: "waf.response_blocked" });
  });

  test("in one large piece is inspected to its end", async () => {
    const { error, text } = await stream([`${"x".repeat(100_000)}ORA-00933`]);
    expect(error).toMatchObject({ code: "waf.response_blocked" });
    expect(text).toBe("");
  });

  test("may last as long as it likes: the budget is for one piece of work", async () => {
    const long = Array.from({ length: 40 }, () => WORDS).flat();
    const { error, fact } = await stream([...long, "data: ORA-00933\n\n"], {
      budget: "5ms",
      rules: SLOW,
    });
    expect(error).toMatchObject({ code: "waf.response_blocked" });
    expect(fact).toMatchObject({ answer: "whole", refusedBy: { rule: 1007 }, isOverBudget: false });
  });

  test("in detect mode passes, and it is said once what would have ended it", async () => {
    const pieces = [...WORDS, "data: ORA-00933\n\n", ...WORDS];
    const { text, error, fact } = await stream(pieces, { mode: "detect" });
    expect(error).toBeUndefined();
    expect(text).toBe(pieces.join(""));
    expect(fact?.matched.map(({ id }) => id)).toEqual([1007]);
    expect(fact?.refusedBy).toEqual({ rule: 1007, status: 403 });
  });

  test("in a content coding cannot be watched, and is refused", async () => {
    const headers = [...EVENTS, "content-encoding", "gzip"];
    expect((await stream(WORDS, { headers })).verdict).toBe("reject");
    expect((await stream(WORDS, { headers, mode: "detect" })).verdict).toBe("continue");
  });

  test("is not held back: each piece is there before the next one comes", async () => {
    const prepared = await prepare({ section: { responses: "on" } });
    const { context } = await prepared.request(json({}));
    const body = new PassThrough();
    const decision = prepared.handlers.onStream?.(context, { status: 200, headers: EVENTS, body });
    if (decision?.verdict !== "watch") throw new Error("not watched");
    for (const word of ["one", "two", "three"]) {
      const next = once(decision.body, "data");
      body.write(word);
      expect(String((await next)[0])).toBe(word);
    }
    body.end();
  });

  test("that breaks on its way is broken for its reader, and one nobody reads is let go", async () => {
    const prepared = await prepare({ section: { responses: "on" } });
    const { context } = await prepared.request(json({}));
    const watched = (body: PassThrough): Readable => {
      const decision = prepared.handlers.onStream?.(context, {
        status: 200,
        headers: EVENTS,
        body,
      });
      if (decision?.verdict !== "watch") throw new Error("not watched");
      return decision.body;
    };
    const broken = new PassThrough();
    const reader = watched(broken);
    const heard = new Promise((done) => reader.once("error", done));
    broken.destroy(new AnswerBroken("upstream.timeout", "too slow"));
    expect(await heard).toMatchObject({ code: "upstream.timeout" });
    const left = new PassThrough();
    const closed = new Promise((done) => left.once("close", done));
    const leaving = watched(left);
    leaving.on("error", () => undefined);
    leaving.destroy();
    await closed;
    expect(left.destroyed).toBe(true);
  });
});
