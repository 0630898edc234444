/**
 * The body of a streamed answer. It holds at most `HIGH_WATER_MARK_BYTES` and one chunk: when its reader is slow the
 * upstream's socket is not read, so that memory stays bounded whatever the two sides do.
 */
import { Readable } from "node:stream";

/** Raised, each slow reader makes the gateway hold that much more. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

/** The upstream call that feeds the stream. */
export interface AnswerSource {
  /** The reader has room again. */
  resume(): void;
  /** The reader is done with it, or gone. */
  stop(): void;
}

export class AnswerStream extends Readable {
  readonly #source: AnswerSource;

  constructor(source: AnswerSource) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    this.#source = source;
    // The upstream may break the answer before its reader had a turn to listen; an unheard error would end the process.
    this.on("error", () => {});
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.stop();
    callback(error);
  }
}
