/** Meters an event stream while it passes: every piece goes on as it came, at once, whatever is found in it. */
import { pipeline, Transform, type Readable, type TransformCallback } from "node:stream";
import { CONTINUE, type StreamDecision } from "../../pipeline/stage.ts";
import type { GatewayResponse } from "../../pipeline/response.ts";
import { EventMeter, isEncoded, type FieldPath } from "./metered.ts";
import type { Spending } from "./spending.ts";

type StreamedResponse = GatewayResponse & { readonly body: Readable };

/** A stream in a content coding cannot be read, and costs what was reserved. */
export function meterStream(
  response: StreamedResponse,
  path: FieldPath,
  spending: Spending,
): StreamDecision {
  if (isEncoded(response.headers)) {
    spending.metered("unreadable");
    return CONTINUE;
  }
  const meter = new EventMeter(path);
  spending.streamed(meter);
  const metered = new MeteredStream(meter, spending);
  // Either end that breaks ends the other; whoever reads it hears why.
  pipeline(response.body, metered, () => undefined);
  // It may break before anybody reads it: an error that nobody listens to would end the process.
  metered.on("error", () => undefined);
  return { verdict: "watch", body: metered };
}

class MeteredStream extends Transform {
  readonly #meter: EventMeter;
  readonly #spending: Spending;

  constructor(meter: EventMeter, spending: Spending) {
    super();
    this.#meter = meter;
    this.#spending = spending;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#meter.read(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.#spending.metered(this.#meter.end());
    done();
  }
}
