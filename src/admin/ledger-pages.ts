/**
 * The ledger for operators, to read: the newest lines, one line, its proof, the checkpoint. It must never change the
 * ledger, nor read so much for one question that callers wait.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { lineHash, LineError, readLine, scanLine } from "../ledger/line.ts";
import { LedgerReadError } from "../ledger/read/read-error.ts";
import { proveLine, ProveError } from "../ledger/prove.ts";
import { readLedger } from "../ledger/read/read-ledger.ts";
import { newestLines } from "../ledger/report/newest-lines.ts";
import { parseLedgerQuery, QueryRefused } from "./ledger-query.ts";
import { jsonAnswer, type OperatorAnswer } from "./operator-answer.ts";

export interface LedgerSource {
  readonly directory: string;
  /** The stream's own key as C2SP vkey text: no proof is given that does not verify with it. */
  readonly verifierKey: string;
}

/** Answers a path of `/ledger` or below it; `query` is what stands behind the question mark. */
export type LedgerPages = (path: string, query: string) => Promise<OperatorAnswer>;

/** Questions answered at the same time. Each may hold 4 MiB and a core's tenth of a second; raised, a few more of each. */
const MAX_QUESTIONS_AT_ONCE = 4;

/** The path of one line, or of its proof. At most 16 digits: no line has a number that JavaScript cannot hold. */
const LINE_PATH = /^\/ledger\/(?<proof>proof\/)?(?<seq>0|[1-9]\d{0,15})$/;

const NOT_FOUND = jsonAnswer(404, { error: "not found" });

export function ledgerPages(source: LedgerSource): LedgerPages {
  let running = 0;
  return async (path, query) => {
    if (running >= MAX_QUESTIONS_AT_ONCE)
      return jsonAnswer(503, { error: "too many questions at once; ask again" });
    running += 1;
    try {
      return await answerTo(source, path, query);
    } catch (error) {
      return refusalFor(error);
    } finally {
      running -= 1;
    }
  };
}

async function answerTo(
  source: LedgerSource,
  path: string,
  query: string,
): Promise<OperatorAnswer> {
  if (path === "/ledger") return newest(source, query);
  if (query !== "") throw new QueryRefused("this page takes no parameters");
  if (path === "/ledger/checkpoint") return checkpoint(source);
  const groups = LINE_PATH.exec(path)?.groups;
  const seq = Number(groups?.["seq"]);
  if (!groups || !Number.isSafeInteger(seq)) return NOT_FOUND;
  return groups["proof"] === undefined ? oneLine(source, seq) : proof(source, seq);
}

function refusalFor(error: unknown): OperatorAnswer {
  if (error instanceof QueryRefused) return jsonAnswer(400, { error: error.message });
  if (error instanceof LedgerReadError) {
    // Its message names files; whoever may ask here may read them.
    const status = error.code === "ledger.no_segments" ? 404 : 503;
    return jsonAnswer(status, { error: error.message });
  }
  throw error;
}

/** Lines stand in the answer as they stand in the ledger, byte for byte: they can be verified as they are. */
async function newest({ directory }: LedgerSource, query: string): Promise<OperatorAnswer> {
  const answer = await newestLines({ directory, ...parseLedgerQuery(query) });
  const lines = answer.lines.map((line) => line.toString()).join(",\n");
  const rest = JSON.stringify({ next_before: answer.nextBefore ?? null, damaged: answer.damaged });
  return {
    status: 200,
    contentType: "application/json",
    text: `{"lines":[${lines}],${rest.slice(1)}\n`,
  };
}

async function checkpoint({ directory }: LedgerSource): Promise<OperatorAnswer> {
  try {
    const text = await readFile(join(directory, "checkpoint"), "utf8");
    return { status: 200, contentType: "text/plain; charset=utf-8", text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return jsonAnswer(404, { error: "nothing is signed yet" });
  }
}

async function oneLine({ directory }: LedgerSource, seq: number): Promise<OperatorAnswer> {
  for await (const { lines } of readLedger(directory, { fromSeq: seq })) {
    for (const bytes of lines) {
      const found = seqOf(bytes);
      if (found === seq) return lineAnswer(bytes, seq);
      if (found !== undefined && found > seq) return noLine(seq);
    }
  }
  return noLine(seq);
}

const noLine = (seq: number): OperatorAnswer =>
  jsonAnswer(404, { error: `there is no line ${seq}` });

function lineAnswer(bytes: Buffer, seq: number): OperatorAnswer {
  if (!isSound(bytes)) {
    const error = `line ${seq} is damaged: portcullis ledger verify says how`;
    return jsonAnswer(500, { error });
  }
  return { status: 200, contentType: "application/json", text: `${bytes.toString()}\n` };
}

function isSound(bytes: Buffer): boolean {
  try {
    return readLine(bytes).hash === lineHash(bytes);
  } catch (error) {
    if (error instanceof LineError) return false;
    throw error;
  }
}

function seqOf(bytes: Buffer): number | undefined {
  try {
    return scanLine(bytes).seq;
  } catch (error) {
    if (error instanceof LineError) return undefined;
    throw error;
  }
}

async function proof(
  { directory, verifierKey }: LedgerSource,
  seq: number,
): Promise<OperatorAnswer> {
  try {
    const text = await proveLine({ directory, seq, vkeys: [verifierKey] });
    return { status: 200, contentType: "text/plain; charset=utf-8", text };
  } catch (error) {
    if (!(error instanceof ProveError)) throw error;
    return jsonAnswer(error.code === "prove.damaged" ? 500 : 404, { error: error.message });
  }
}
