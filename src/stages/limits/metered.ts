/**
 * Reads what an answer says it cost. What cannot be read is never taken for free: it is told apart from an answer that
 * was read and says nothing.
 */
import { headerValue, type HeaderList } from "../../pipeline/response.ts";
import { EventDataReader } from "./event-data.ts";
import { MAX_COST_UNITS } from "./route-config.ts";

/** Units; or `missing` from what could be read; or `unreadable`. */
export type Metered = number | "missing" | "unreadable";

/** A path into JSON: names of members, or indexes of arrays. */
export type FieldPath = readonly string[];

/** Units may be said in parts; part of a unit counts as one. */
function unitsOf(value: number): Metered {
  if (!Number.isFinite(value) || value < 0) return "unreadable";
  return Math.min(Math.ceil(value), MAX_COST_UNITS);
}

const NUMBER = /^\d{1,15}(?:\.\d{1,9})?$/;

export function meterHeader(headers: HeaderList, name: string): Metered {
  const text = headerValue(headers, name)?.trim();
  if (text === undefined) return "missing";
  return NUMBER.test(text) ? unitsOf(Number(text)) : "unreadable";
}

/** A whole answer: JSON, or an event stream that had to be held. */
export function meterBody(headers: HeaderList, body: Buffer, path: FieldPath): Metered {
  if (body.length === 0) return "missing";
  if (isEncoded(headers)) return "unreadable";
  const type = essenceOf(headers);
  if (type === "text/event-stream") {
    const meter = new EventMeter(path);
    meter.read(body);
    return meter.end();
  }
  const isJson = type === "application/json" || type === "text/json" || type.endsWith("+json");
  return isJson ? meterText(body.toString("utf8"), path) : "unreadable";
}

function meterText(text: string, path: FieldPath): Metered {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "unreadable";
  }
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name))
      return "missing";
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  if (value === null) return "missing";
  return typeof value === "number" ? unitsOf(value) : "unreadable";
}

export function isEncoded(headers: HeaderList): boolean {
  const encoding = headerValue(headers, "content-encoding");
  return encoding !== undefined && encoding.toLowerCase() !== "identity";
}

const essenceOf = (headers: HeaderList): string =>
  ((headerValue(headers, "content-type") ?? "").split(";", 1)[0] ?? "").trim().toLowerCase();

const INDEX = /^\d+$/;

/** The last event of a stream that says what it cost. */
export class EventMeter {
  readonly #path: FieldPath;
  /** Stands in the text of every event that could say it. */
  readonly #mark: string;
  readonly #events = new EventDataReader((data) => this.#look(data));
  #units: number | undefined;
  #isUnreadable = false;

  constructor(path: FieldPath) {
    this.#path = path;
    const name = path.findLast((each) => !INDEX.test(each));
    this.#mark = name === undefined ? "" : JSON.stringify(name);
  }

  /** What was said so far; undefined when nothing was. */
  get units(): number | undefined {
    return this.#units;
  }

  read(chunk: Buffer): void {
    this.#events.read(chunk);
  }

  /** The stream has ended by itself. */
  end(): Metered {
    this.#events.end();
    if (this.#units !== undefined) return this.#units;
    return this.#isUnreadable ? "unreadable" : "missing";
  }

  #look(data: string | undefined): void {
    if (data === undefined) this.#isUnreadable = true;
    else if (data.includes(this.#mark)) this.#take(meterText(data, this.#path));
  }

  #take(metered: Metered): void {
    if (typeof metered === "number") this.#units = metered;
    else if (metered === "unreadable") this.#isUnreadable = true;
  }
}
