/**
 * The log: JSON lines to one destination, the access line of every outcome among them. It must never block, never
 * throw into the request path, and never write a text that did not pass the redaction table.
 */
import { pino, type Level } from "pino";
import type { MalformedReport } from "../pipeline/exchange.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import { accessLevel, accessLine, malformedLine } from "./access-line.ts";
import type { LogLevel } from "./config.ts";
import { escapeUnsafe } from "./json-text.ts";
import {
  openLogDestination,
  type DestinationOptions,
  type LogDestination,
  type LogTarget,
} from "./log-destination.ts";
import { redactFields } from "./redact-fields.ts";
import { redact } from "./redaction.ts";

export interface LogConfig {
  readonly level: LogLevel;
  readonly destination: LogTarget;
}

export interface LogOptions extends DestinationOptions {
  /** Wall clock in milliseconds since the epoch. */
  readonly nowMs?: () => number;
  /** On every line, where several processes write to one destination. */
  readonly worker?: number | undefined;
}

type Write = (message: string, fields?: object) => void;

/** The log of the process. Free text and fields of every method are redacted. */
export interface Log {
  readonly trace: Write;
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** Also empties the backlog at once: the process may be about to end. */
  readonly fatal: Write;
  /** Writes the access line of an outcome. */
  access(outcome: Outcome): void;
  /** Writes the line of a connection that never became a request. */
  malformed(report: MalformedReport): void;
  /** Changes the level, for example after a reload. */
  setLevel(level: LogLevel): void;
  /** For log rotation; throws when the file cannot be opened, and goes on with the old one. */
  reopen(): void;
  flush(): Promise<void>;
  flushSync(): void;
  close(): Promise<void>;
  readonly droppedLines: number;
  readonly writeFailures: number;
}

/** Names of a line's own fields; a caller's field of the same name would make the JSON say two things. */
const OWN_FIELDS = ["time", "level", "msg"];
const OWN_FIELDS_OF_WORKER = [...OWN_FIELDS, "worker"];

/** Opens the log. Throws the system's error when the destination cannot be opened. */
export function createLogger(config: LogConfig, options: LogOptions = {}): Log {
  const { worker } = options;
  const destination = openLogDestination(config.destination, {
    ...options,
    ...(worker !== undefined &&
      config.destination === "stdout" && { batchBytes: ATOMIC_PIPE_BYTES }),
  });
  const own = worker === undefined ? OWN_FIELDS : OWN_FIELDS_OF_WORKER;
  const write = worker === undefined ? destination : withWorker(destination, worker);
  const timeText = createTimeText(options.nowMs ?? Date.now);
  const logger = createPino(write, timeText);
  const enabled = { info: true, error: true };

  const setLevel = (level: LogLevel): void => {
    logger.level = level;
    enabled.info = logger.isLevelEnabled("info");
    enabled.error = logger.isLevelEnabled("error");
  };
  setLevel(config.level);

  const writer =
    (level: Level): Write =>
    (message, fields) => {
      if (logger.isLevelEnabled(level)) logger[level](safeFields(fields, own), redact(message));
    };
  return {
    trace: writer("trace"),
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    fatal: (message, fields) => {
      writer("fatal")(message, fields);
      destination.flushSync();
    },
    access: (outcome) => {
      if (enabled[accessLevel(outcome)]) write.write(accessLine(timeText(), outcome));
    },
    malformed: (report) => {
      if (enabled.info) write.write(malformedLine(timeText(), report));
    },
    setLevel,
    reopen: () => destination.reopen(),
    flush: () => destination.flush(),
    flushSync: () => destination.flushSync(),
    close: () => destination.close(),
    get droppedLines() {
      return destination.droppedLines;
    },
    get writeFailures() {
      return destination.writeFailures;
    },
  };
}

type LineTaker = Pick<LogDestination, "write">;

/**
 * What one write puts into a pipe whole (PIPE_BUF, pipe(7)). Raised, lines of several workers may end up in each other
 * while the pipe's reader is slow.
 */
const ATOMIC_PIPE_BYTES = 4_096;

/** The number goes behind the other fields of each line, which ends with a brace and a line end. */
function withWorker(destination: LogDestination, worker: number): LineTaker {
  const end = `,"worker":${worker}}\n`;
  return { write: (line) => destination.write(line.slice(0, -2) + end) };
}

function createPino(destination: LineTaker, timeText: () => string) {
  return pino(
    {
      base: null,
      timestamp: () => `,"time":"${timeText()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => `${escapeUnsafe(line.trimEnd())}\n` },
    },
    { write: (line: string) => destination.write(line) },
  );
}

/** An object that cannot be read (a getter that throws) costs its fields, never the line. */
function safeFields(fields: object | undefined, own: readonly string[]): Record<string, unknown> {
  if (fields === undefined) return {};
  try {
    const safe = redactFields(fields);
    for (const name of own) {
      if (!(name in safe)) continue;
      safe[`field_${name}`] = safe[name];
      delete safe[name];
    }
    return safe;
  } catch {
    return { fields: "[unreadable]" };
  }
}

/** RFC 3339 UTC with milliseconds; the part up to the second is written once a second. */
function createTimeText(nowMs: () => number): () => string {
  let second = Number.NaN;
  let prefix = "";
  return () => {
    const now = nowMs();
    const whole = Math.floor(now / 1_000);
    if (whole !== second) {
      second = whole;
      prefix = new Date(whole * 1_000).toISOString().slice(0, 20);
    }
    const millis = Math.floor(now - whole * 1_000);
    return `${prefix}${millis < 10 ? "00" : millis < 100 ? "0" : ""}${millis}Z`;
  };
}
