/**
 * The body of one request on its way in, for both protocols: read whole or passed on, always counted, never beyond its
 * limit or its time. It says why a body was refused; it never answers.
 */
import { Readable } from "node:stream";
import { BodyRejected } from "../pipeline/exchange.ts";
import { rejection, type Rejection } from "../pipeline/rejection.ts";

const EMPTY: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));

export interface BodyOptions {
  /** The body's bytes as the protocol delivers them. */
  readonly source: Readable;
  /** Declared length; undefined when only the end tells. */
  readonly contentLength: number | undefined;
  readonly timeoutMs: number;
  /** Asked when the source ends: whether that was the end of the message, or only of the caller's patience. */
  readonly isWhole: () => boolean;
  /** The event that always comes when the source breaks: HTTP/1.1 has an error then, HTTP/2 may only close. */
  readonly brokenEvent: "error" | "close";
  /** Tells a waiting caller to send its body; does nothing when it does not wait. */
  readonly invite: () => void;
}

/** Who is waiting for the body right now. */
interface Reader {
  fail(refusal: Rejection): void;
}

export class RequestBody {
  bytesIn = 0;
  /** Whether every byte of the body has been taken from the source. */
  isConsumed: boolean;
  readonly #options: BodyOptions;
  #reader: Reader | undefined;
  #refusal: Rejection | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: BodyOptions) {
    this.#options = options;
    this.isConsumed = options.contentLength === 0;
  }

  /** Whether someone waits for a body that does not come. */
  isLate(nowMs: number): boolean {
    return nowMs > this.#deadlineMs;
  }

  /** The bytes on the wire broke, stopped or were too slow. Whoever waits for the body, or asks later, is told. */
  fail(refusal: Rejection): void {
    if (this.isConsumed || this.#refusal) return;
    this.#refusal = refusal;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#reader?.fail(refusal);
  }

  readWhole(limitBytes: number): Promise<Buffer | Rejection> {
    const { contentLength } = this.#options;
    if (this.#refusal) return Promise.resolve(this.#refusal);
    if (this.isConsumed) return EMPTY;
    if (contentLength !== undefined && contentLength > limitBytes)
      return Promise.resolve(tooLarge(limitBytes));
    this.#begin();
    return new Promise((resolve) => this.#gather(limitBytes, resolve));
  }

  #begin(): void {
    if (this.#reader) throw new Error("a request body is read once");
    this.#deadlineMs = performance.now() + this.#options.timeoutMs;
    this.#options.invite();
  }

  #gather(limitBytes: number, resolve: (result: Buffer | Rejection) => void): void {
    const { source, contentLength } = this.#options;
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    const finish = (): void => {
      this.#end();
      resolve(chunks ? Buffer.concat(chunks, this.bytesIn) : (first ?? Buffer.alloc(0)));
    };
    const onData = (chunk: Buffer): void => {
      if (this.#refusal || this.isConsumed) return;
      this.bytesIn += chunk.length;
      if (this.bytesIn > limitBytes) return this.fail(tooLarge(limitBytes));
      if (first === undefined) first = chunk;
      else (chunks ??= [first]).push(chunk);
      // The parser has framed the message: with its declared length here, the body is whole.
      if (this.bytesIn === contentLength) finish();
    };
    this.#reader = {
      fail: (refusal) => {
        source.off("data", onData);
        source.pause();
        resolve(refusal);
      },
    };
    source.on("data", onData);
    source.on(this.#options.brokenEvent, this.#onBroken);
    if (contentLength !== undefined) return;
    source.on("end", () => {
      if (!this.#options.isWhole()) this.#onBroken();
      else if (!this.#refusal && !this.isConsumed) finish();
    });
  }

  readonly #onBroken = (): void => {
    this.fail(rejection("listener.body_incomplete"));
  };

  #end(): void {
    this.isConsumed = true;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  stream(limitBytes: number): Readable {
    const { contentLength } = this.#options;
    const refusal =
      contentLength !== undefined && contentLength > limitBytes
        ? tooLarge(limitBytes)
        : this.#refusal;
    if (!refusal && !this.isConsumed) {
      this.#begin();
      return this.#pass(limitBytes);
    }
    const settled = new Readable({ read: () => undefined });
    if (refusal) settled.destroy(new BodyRejected(refusal));
    else settled.push(null);
    return settled;
  }

  /** The body as it comes. Its time runs only while we wait for the caller, not while the upstream makes us wait. */
  #pass(limitBytes: number): Readable {
    const { source, contentLength, timeoutMs } = this.#options;
    const passed = new Readable({
      read: () => {
        if (this.#deadlineMs === Number.POSITIVE_INFINITY)
          this.#deadlineMs = performance.now() + timeoutMs;
        source.resume();
      },
      destroy: (error, done) => {
        source.pause();
        this.#deadlineMs = Number.POSITIVE_INFINITY;
        done(error);
      },
    });
    const finish = (): void => {
      if (this.isConsumed || this.#refusal) return;
      if (contentLength === undefined && !this.#options.isWhole()) return this.#onBroken();
      this.#end();
      passed.push(null);
    };
    this.#reader = { fail: (refusal) => passed.destroy(new BodyRejected(refusal)) };
    source.on("data", (chunk: Buffer) => {
      if (this.#refusal || this.isConsumed || passed.destroyed) return;
      this.bytesIn += chunk.length;
      if (this.bytesIn > limitBytes) return this.fail(tooLarge(limitBytes));
      this.#deadlineMs = performance.now() + timeoutMs;
      const wantsMore = passed.push(chunk);
      if (this.bytesIn === contentLength) return finish();
      if (wantsMore) return;
      source.pause();
      this.#deadlineMs = Number.POSITIVE_INFINITY;
    });
    source.pause();
    source.on("end", finish);
    source.on(this.#options.brokenEvent, this.#onBroken);
    return passed;
  }
}

function tooLarge(limitBytes: number): Rejection {
  return rejection("contract.body_too_large", { cause: `more than ${limitBytes} bytes` });
}
