/**
 * `portcullis explain`: one request stage by stage. One that happened, as the ledger tells it; or one that never did, as
 * the configuration would decide it, without side effects. It must never print a credential.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { renderDiagnostics } from "../config/diagnostic.ts";
import { readConfiguration, type Configuration } from "../gateway/configuration.ts";
import { readCurl } from "../gateway/explain/explain-curl.ts";
import { recordedRows } from "../gateway/explain/explain-record.ts";
import type { Row } from "../gateway/explain/explain-rows.ts";
import { hiderFor } from "../gateway/explain/explain-secrets.ts";
import { readTold, ToldWrong, type ToldRequest } from "../gateway/explain/explain-told.ts";
import { explain, type Explanation } from "../gateway/explain/explain.ts";
import { ledgerLines } from "../gateway/replay/replay-lines.ts";
import { readDecision, type RecordedDecision } from "../gateway/replay/replay-record.ts";
import { SYSTEM_CLOCK } from "../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../stores/keys/key-store.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";

/** Callers may choose their request ids, and choose one again: the newest are shown. */
const SHOWN_RECORDS = 10;
const KINDS: ReadonlySet<string> = new Set(["decision", "outcome"]);

interface ExplainCommandOptions extends SourceOptions {
  readonly ledger?: string;
  readonly request?: string;
  readonly curl?: string;
  readonly listener?: string;
  readonly from?: string;
  readonly json?: true;
}

/** Adds the command `explain`. */
export function addExplain(program: Command): void {
  withSource(
    program
      .command("explain [request-id]")
      .description("Show stage by stage what became, or would become, of a request."),
  )
    .option("--ledger <directory>", "where the request of that id is on record")
    .option(
      "--request <file>",
      "one that never happened: raw HTTP/1.1, or JSON; - for standard input",
    )
    .option("--curl <command>", "one that never happened, as a curl command line")
    .option("--listener <name>", "listener it would come to; default: the first of its scheme")
    .option("--from <address>", "address it would come from", "127.0.0.1")
    .option("--json", "print JSON")
    .action(run);
}

async function run(requestId: string | undefined, options: ExplainCommandOptions): Promise<void> {
  const { ledger, request, curl } = options;
  const wanted = [requestId, request, curl].filter((one) => one !== undefined);
  if (wanted.length !== 1) return fail("give a request id, --request or --curl: one of them");
  try {
    if (requestId === undefined) return await explainTold(await toldBy(options), options);
    if (ledger === undefined)
      return fail("name the ledger that holds the request: --ledger DIRECTORY");
    await explainRecorded(requestId, ledger, options);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

async function toldBy({ request, curl }: ExplainCommandOptions): Promise<ToldRequest> {
  if (curl !== undefined) return readCurl(curl);
  return readTold(request === "-" ? await readInput() : await readFile(request as string));
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function explainTold(told: ToldRequest, options: ExplainCommandOptions): Promise<void> {
  const configuration = await readConfiguration(sourceOf(options));
  if (!configuration.ok)
    return fail(renderDiagnostics(configuration.diagnostics, { color: process.stderr.isTTY }));
  const keys = openKeys(configuration);
  const hide = hiderFor(told);
  try {
    const { listener, from: address } = options;
    const explanation = await explain(told, configuration, { keys, listener, address });
    console.log(hide(options.json ? toldJson(explanation) : toldText(explanation)));
  } catch (error) {
    if (error instanceof ToldWrong) return fail(error.message);
    throw new Error(hide(error instanceof Error ? error.message : String(error)), { cause: error });
  } finally {
    keys?.close();
  }
}

/** A store that is not there is not made: no key is known then. */
function openKeys({ root, loaded }: Configuration): KeyStore | undefined {
  if (!root.identity.apiKeys) return undefined;
  const path = resolve(loaded.directory, root.store.path);
  return openEmbeddedKeyStore({
    path: existsSync(path) ? path : ":memory:",
    clock: SYSTEM_CLOCK,
    isWatching: false,
  });
}

function toldText(explanation: Explanation): string {
  const { method, path, route, rows, end, upstream, answer } = explanation;
  const lines = [
    `${method} ${path || "(not understood)"} on ${explanation.listener}: ${route.template === "" ? "no route" : route.id}`,
    "",
    renderRows(rows),
    "",
  ];
  if (upstream !== undefined) {
    lines.push(`would be sent to ${upstream}; its answer would get these fields:`);
  } else lines.push(`${endText(end)}; the caller would read:`, `HTTP/1.1 ${answer.status}`);
  for (let i = 0; i < answer.headers.length; i += 2)
    lines.push(printable(`${answer.headers[i]}: ${answer.headers[i + 1]}`));
  if (answer.body !== "") lines.push("", answer.body);
  lines.push("", "nothing was sent, recorded or counted; limits were taken as unspent");
  return lines.join("\n");
}

function toldJson({ answer, route, rows, ...explanation }: Explanation): string {
  const headers: (readonly string[])[] = [];
  for (let i = 0; i < answer.headers.length; i += 2)
    headers.push([answer.headers[i] as string, answer.headers[i + 1] as string]);
  return JSON.stringify({
    happened: false,
    ...explanation,
    route: route.template === "" ? null : route,
    stages: rows,
    answer: { ...answer, headers },
  });
}

async function explainRecorded(
  requestId: string,
  directory: string,
  { json }: ExplainCommandOptions,
): Promise<void> {
  const found = await findRecords(requestId, directory);
  if (found.length === 0) return fail(`${directory}: no request ${requestId} is on record`);
  if (json) {
    for (const { record, outcomes } of found)
      console.log(
        JSON.stringify({ happened: true, ...record, stages: recordedRows(record), outcomes }),
      );
    return;
  }
  console.log(found.map(recordedText).join("\n\n"));
}

interface Found {
  readonly record: RecordedDecision;
  /** Lines that say how it ended after it had been decided. */
  readonly outcomes: Readonly<Record<string, unknown>>[];
}

async function findRecords(requestId: string, directory: string): Promise<Found[]> {
  const found: Found[] = [];
  for await (const line of ledgerLines(directory, { kinds: KINDS, holding: requestId })) {
    const { value } = line;
    if (line.kind === "outcome") {
      if (value["of"] === requestId) found.at(-1)?.outcomes.push(value);
    } else if (value["request_id"] === requestId) {
      found.push({ record: readDecision(value), outcomes: [] });
      if (found.length > SHOWN_RECORDS) found.shift();
    }
  }
  return found;
}

function recordedText({ record, outcomes }: Found): string {
  const { requestId, seq, ts, method, path, route, config } = record;
  const later = outcomes.map(
    ({ ts: when, status, stage, code }) =>
      `then, at ${String(when)}: ${String(status)} at ${String(stage)} (${String(code)})`,
  );
  return [
    printable(`request ${requestId}, line ${seq}, ${ts}`),
    printable(
      `${method} ${path === "" ? "(no route)" : path}, ${route}; configuration ${config ?? "unknown"}`,
    ),
    "",
    renderRows(recordedRows(record)),
    "",
    endText(record),
    ...later,
  ].join("\n");
}

interface End {
  readonly decision: string;
  readonly status: number | undefined;
  readonly stage: string;
  readonly code: string;
}

const endText = ({ decision, status, stage, code }: End): string =>
  `${decision}${status === undefined ? "" : ` ${status}`} at ${stage} (${code})`;

const HEADER = ["STAGE", "", "VERDICT", "CODE", "KNEW"];

function renderRows(rows: readonly Row[]): string {
  const cells = [
    HEADER,
    ...rows.map(({ stage, pass, verdict, code, knew, why }) => [
      stage,
      pass === "body" ? "body" : "",
      verdict.replaceAll("_", " "),
      code ?? "-",
      why ?? knew ?? "",
    ]),
  ];
  const widths = HEADER.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const toLine = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return cells.map((row) => printable(toLine(row))).join("\n");
}

/** What callers sent, or a ledger holds, may be anything: controls would move the operator's cursor. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "?");
