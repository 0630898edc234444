/**
 * The data of server-sent events (WHATWG HTML section 9.2.6), read while they pass. It holds one event at most, and of
 * that no more than its bound, whatever is sent.
 */
import { StringDecoder } from "node:string_decoder";

/** Longest data of an event that is looked at. Raised, each running stream may hold that much more. */
const MAX_EVENT_CHARS = 65_536;

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const FIELD = "data";

export class EventDataReader {
  readonly #onData: (data: string | undefined) => void;
  readonly #decoder = new StringDecoder("utf8");
  /** The line that has begun, and whether it has. */
  #line = "";
  #hasLine = false;
  /** Undefined until the event has data. */
  #data: string | undefined;
  #isTooLong = false;
  #isAfterReturn = false;

  /** `onData` is told of each event's data; undefined when it was too long to be held. Must not throw. */
  constructor(onData: (data: string | undefined) => void) {
    this.#onData = onData;
  }

  read(chunk: Buffer): void {
    const text = this.#decoder.write(chunk);
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== LINE_FEED && code !== CARRIAGE_RETURN) {
        this.#isAfterReturn = false;
        continue;
      }
      // A line feed behind a carriage return belongs to the same line end.
      if (code === LINE_FEED && this.#isAfterReturn) this.#isAfterReturn = false;
      else {
        this.#hold(text.slice(from, at));
        this.#endLine();
        this.#isAfterReturn = code === CARRIAGE_RETURN;
      }
      from = at + 1;
    }
    this.#hold(text.slice(from));
  }

  /** The stream has ended. The standard drops an event without its empty line; what it cost counts all the same. */
  end(): void {
    this.#endLine();
    this.#endEvent();
  }

  #hold(part: string): void {
    if (part === "") return;
    this.#hasLine = true;
    if (this.#isTooLong) return;
    if (this.#line.length + part.length + (this.#data?.length ?? 0) <= MAX_EVENT_CHARS) {
      this.#line += part;
      return;
    }
    this.#isTooLong = true;
    this.#line = "";
    this.#data = undefined;
  }

  #endLine(): void {
    const line = this.#line;
    const hasLine = this.#hasLine;
    this.#line = "";
    this.#hasLine = false;
    if (!hasLine) this.#endEvent();
    else if (!this.#isTooLong) this.#takeField(line);
  }

  #takeField(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    if (name !== FIELD) return;
    const from = line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1;
    const value = colon < 0 ? "" : line.slice(from);
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }

  #endEvent(): void {
    const data = this.#data;
    const isTooLong = this.#isTooLong;
    this.#data = undefined;
    this.#isTooLong = false;
    if (isTooLong) this.#onData(undefined);
    else if (data !== undefined) this.#onData(data);
  }
}
