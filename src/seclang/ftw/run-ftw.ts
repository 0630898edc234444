/** Runs regression tests of the Core Rule Set against an engine in this process; a test that could not run never counts as passed. */
import { toBytes } from "../byte-string.ts";
import type { RequestHead, ResponseHead } from "../collections/message.ts";
import type { TransactionReport, Verdict } from "../transaction/report.ts";
import type { FtwInput, FtwTest } from "./ftw-test.ts";
import { wireBytes } from "./ftw-request.ts";
import { judgeStage, type StageOutcome } from "./judge-stage.ts";
import { readFtw } from "./read-ftw.ts";
import { readWire, type WireRequest } from "./read-wire.ts";
import { answerOf } from "./reflect.ts";

/** What a policy of the engine offers, as far as tests need it. It should run in detection-only mode. */
export interface FtwEngine {
  transaction(): FtwTransaction;
}

export interface FtwTransaction {
  requestHead(head: RequestHead): Verdict;
  requestBody(body: Uint8Array): Verdict | Promise<Verdict>;
  responseHead(head: ResponseHead): Verdict;
  responseBody(body: Uint8Array): Verdict | Promise<Verdict>;
  end(): TransactionReport;
}

export interface FtwFailure {
  /** `942100-1`. */
  readonly id: string;
  readonly file: string;
  readonly description: string;
  readonly reasons: readonly string[];
  /** Rules that logged, in order. */
  readonly logged: readonly number[];
}

export interface FtwResult {
  readonly passed: number;
  readonly failed: number;
  /** Tests of disabled files, and those that the filter left out. */
  readonly skipped: number;
  /** Passed tests whose request a strict server refuses before any rule sees it. */
  readonly refusedByServer: number;
  readonly failures: readonly FtwFailure[];
  readonly passedIds: readonly string[];
}

export interface FtwRun {
  /** The suite; absolute, or relative to the working directory. */
  readonly directory: string;
  readonly engine: FtwEngine;
  /** Runs only tests for which this holds, by their id. */
  readonly only?: (id: string) => boolean;
}

/** Runs every test of the directory, one after the other. Throws `FtwFileRefused` before the first when a file is wrong. */
export async function runFtw({ directory, engine, only = () => true }: FtwRun): Promise<FtwResult> {
  const { tests, disabledTests } = readFtw(directory);
  const failures: FtwFailure[] = [];
  const passedIds: string[] = [];
  let skipped = disabledTests;
  let refusedByServer = 0;
  for (const test of tests) {
    if (!only(test.id)) {
      skipped++;
      continue;
    }
    const { failure, isRefused } = await runTest(test, engine);
    if (failure !== undefined) failures.push(failure);
    else {
      passedIds.push(test.id);
      if (isRefused) refusedByServer++;
    }
  }
  return {
    passed: passedIds.length,
    failed: failures.length,
    skipped,
    refusedByServer,
    failures,
    passedIds,
  };
}

async function runTest(test: FtwTest, engine: FtwEngine) {
  const reasons: string[] = [];
  const logged: number[] = [];
  let isRefused = false;
  for (const { input, expected } of test.stages) {
    try {
      const outcome = await runStage(input, engine);
      reasons.push(...judgeStage(outcome, expected));
      logged.push(...outcome.matched.filter(({ isLogged }) => isLogged).map(({ id }) => id));
      isRefused ||= outcome.refusedByServer?.isAfterRules === false;
    } catch (error) {
      // A crash of the engine is a failed test, and must not hide the tests after it.
      reasons.push(`the engine threw ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  const { id, file, description } = test;
  const failure = reasons.length > 0 ? { id, file, description, reasons, logged } : undefined;
  return { failure, isRefused };
}

async function runStage(input: FtwInput, engine: FtwEngine): Promise<StageOutcome> {
  const request = readWire(wireBytes(input));
  const refusal = request.refusedByServer;
  if (refusal !== undefined && !refusal.isAfterRules) {
    const { status } = refusal;
    return { matched: [], refusedByServer: refusal, fault: undefined, status, responseBody: "" };
  }
  const answer = answerOf(request.head, request.body);
  const { matched, fault, interruption } = await inspect(request, engine.transaction(), answer);
  return {
    matched,
    refusedByServer: refusal,
    fault,
    status: interruption?.status ?? refusal?.status ?? answer.head.status,
    responseBody: answer.body,
  };
}

/** All phases, as far as an enforcing engine lets the messages pass. */
async function inspect(
  { head, body }: WireRequest,
  transaction: FtwTransaction,
  answer: ReturnType<typeof answerOf>,
): Promise<Pick<TransactionReport, "matched" | "fault" | "interruption">> {
  const verdict =
    transaction.requestHead(head) ??
    (await transaction.requestBody(toBytes(body))) ??
    transaction.responseHead(answer.head) ??
    (await transaction.responseBody(toBytes(answer.body)));
  const { matched, fault, interruption } = transaction.end();
  return { matched, fault, interruption: interruption ?? verdict };
}
