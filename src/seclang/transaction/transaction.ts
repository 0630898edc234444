/**
 * One request and its answer on their way through the rules, phase by phase. It must never let pass what it could not
 * inspect: a body that cannot be read is left to the rules (REQBODY_ERROR), a spent budget and a value too long are refusals.
 */
import { fromBytes, type ByteString } from "../byte-string.ts";
import { processorOf, type BodyProcessor } from "../collections/body-processor.ts";
import type { RequestHead, ResponseHead } from "../collections/message.ts";
import { LazyParts, type Parts } from "../collections/parts.ts";
import { type VariableReaders, VariableTable } from "../collections/variable-table.ts";
import { readRequestBody } from "../collections/request-body.ts";
import { firstHeader, readRequestHead } from "../collections/request-head.ts";
import { readResponseBody, readResponseHead } from "../collections/response.ts";
import type { PolicyCore } from "../compile/policy-core.ts";
import { Inspection } from "./inspection.ts";
import type { TransactionReport, Verdict } from "./report.ts";

/** Bodies up to this size are inspected at once; larger ones in slices, so that no request holds the event loop. */
const AT_ONCE_BYTES = 65_536;
/** Values and names: a body of few bytes may have thousands, and each costs about a microsecond. */
const AT_ONCE_ENTRIES = 2_048;

/** Bytes of a stream that are looked at again with what follows: matches across pieces are found up to this length. */
const WINDOW_BYTES = 1_088;

const REQUEST_HEADERS = 1;
const REQUEST_BODY = 2;
const RESPONSE_HEADERS = 3;
const RESPONSE_BODY = 4;
const LOGGING = 5;

const PROCESSORS: ReadonlySet<string> = new Set(["URLENCODED", "JSON", "XML", "MULTIPART", "RAW"]);

export class Transaction {
  readonly #policy: PolicyCore;
  readonly #inspection: Inspection;
  #head: Parts | undefined;
  #contentType: ByteString | undefined;
  #responseType: ByteString | undefined;
  #isEnded = false;
  /** The end of what was seen of a stream. */
  #window: ByteString = "";

  constructor(policy: PolicyCore) {
    this.#policy = policy;
    this.#inspection = new Inspection(policy);
  }

  /** Phase 1. */
  requestHead(head: RequestHead): Verdict {
    return this.#inspection.measured(() => {
      const { settings } = this.#policy;
      const parts = readRequestHead(head, {
        argumentSeparator: settings.argumentSeparator,
        argumentsLimit: settings.argumentsLimit,
      });
      this.#head = parts;
      this.#contentType = firstHeader(head.headers, "content-type");
      const processor = processorOf(this.#contentType);
      this.#inspection.add(parts);
      this.#inspection.add(processorPart(processor));
      return this.#inspection.runAtOnce(REQUEST_HEADERS);
    });
  }

  /** Phase 2. A promise only for a large body or one of many fields, which is inspected in slices. */
  requestBody(body: Uint8Array): Verdict | Promise<Verdict> {
    const inspection = this.#inspection;
    if (inspection.isOver) return inspection.verdict;
    inspection.measured(() => {
      const parts = this.#readBody(body);
      inspection.add(parts);
      if (parts.fault !== undefined && this.#policy.refusesUnreadable)
        inspection.refuse("waf.body_unreadable");
    });
    if (inspection.isOver) return inspection.verdict;
    if (body.length <= AT_ONCE_BYTES && inspection.pendingEntries <= AT_ONCE_ENTRIES)
      return inspection.measured(() => inspection.runAtOnce(REQUEST_BODY));
    return inspection.runInSlices(REQUEST_BODY);
  }

  #readBody(body: Uint8Array): Parts {
    const { settings, fieldKind } = this.#policy;
    const { controls } = this.#inspection.state;
    const processor = bodyProcessor(controls.processor, this.#contentType, body.length);
    const limit = Math.min(
      controls.requestBodyLimitBytes,
      processor === "MULTIPART" ? Infinity : settings.noFilesLimitBytes,
    );
    const isTooLarge = body.length > limit;
    if (isTooLarge && !settings.isRequestCut) this.#inspection.refuse("waf.body_too_large");
    const read = controls.hasRequestBodyAccess ? body.subarray(0, limit) : body.subarray(0, 0);
    return readRequestBody({
      body: read,
      processor,
      contentType: this.#contentType,
      fieldKind,
      limits: {
        fields: settings.argumentsLimit,
        depth: settings.jsonDepthLimit,
        valueBytes: settings.valueLimitBytes,
      },
      separator: settings.argumentSeparator,
      withBodyVariable:
        processor === "URLENCODED" || processor === "RAW" || controls.isBodyVariableForced,
      expandEmbedded: this.#policy.expandsEmbedded,
      head: this.#head,
    });
  }

  /** Phase 3. */
  responseHead(head: ResponseHead): Verdict {
    return this.#inspection.measured(() => {
      this.#responseType = firstHeader(head.headers, "content-type");
      this.#inspection.add(readResponseHead(head));
      return this.#inspection.runAtOnce(RESPONSE_HEADERS);
    });
  }

  /** Whether rules want to see a body of the answer's type. Before `responseHead` it is not known. */
  get wantsResponseBody(): boolean {
    const { hasResponseBodyAccess } = this.#inspection.state.controls;
    const type = (this.#responseType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    return hasResponseBodyAccess && this.#policy.settings.responseMediaTypes.has(type);
  }

  /** Phase 4: the body, or as much of it as was buffered. Types that rules do not want are not read. */
  responseBody(body: Uint8Array): Verdict | Promise<Verdict> {
    const inspection = this.#inspection;
    if (inspection.isOver) return inspection.verdict;
    const { settings } = this.#policy;
    const limit = inspection.state.controls.responseBodyLimitBytes;
    const isRead = this.wantsResponseBody;
    inspection.measured(() => {
      if (isRead && body.length > limit && !settings.isResponseCut)
        inspection.refuse("waf.body_too_large");
      const read = isRead ? body.subarray(0, limit) : body.subarray(0, 0);
      inspection.add(readResponseBody({ body: read, contentType: this.#responseType }));
    });
    if (!isRead || body.length <= AT_ONCE_BYTES)
      return inspection.measured(() => inspection.runAtOnce(RESPONSE_BODY));
    return inspection.runInSlices(RESPONSE_BODY);
  }

  /**
   * A piece of an answer that is not held back, such as an event stream: phase 4 on it and on the end of what came before.
   * What has left cannot be taken back; an interruption means that the stream is to be cut off here. A rule that matched
   * counts once for the whole stream. Matches longer than the window are seen only in part.
   */
  responseChunk(chunk: Uint8Array): Verdict {
    const inspection = this.#inspection;
    if (inspection.isOver || !inspection.state.controls.hasResponseBodyAccess)
      return inspection.verdict;
    return inspection.measured(() => {
      for (let at = 0; at < chunk.length && !inspection.isOver; at += AT_ONCE_BYTES) {
        const text = this.#window + fromBytes(chunk.subarray(at, at + AT_ONCE_BYTES));
        this.#window = text.slice(-WINDOW_BYTES);
        inspection.runOnWindow(text);
      }
      return inspection.verdict;
    });
  }

  /** Phase 5, which decides nothing. Once; later calls only report. */
  end(): TransactionReport {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#inspection.measured(() => this.#inspection.runAtOnce(LOGGING));
      this.#inspection.close();
    }
    return this.report();
  }

  report(): TransactionReport {
    return this.#inspection.report();
  }
}

const PROCESSOR_VARIABLES: VariableReaders<BodyProcessor> = new Map([
  ["REQBODY_PROCESSOR", (processor) => (processor === "RAW" ? "" : processor)],
]);

/** Rules of phase 1 ask for REQBODY_PROCESSOR before there is a body. */
function processorPart(processor: BodyProcessor): Parts {
  return new LazyParts({
    entries: [],
    variables: new VariableTable(PROCESSOR_VARIABLES, processor),
  });
}

function bodyProcessor(
  chosen: string | undefined,
  contentType: ByteString | undefined,
  lengthBytes: number,
): BodyProcessor {
  return chosen !== undefined && PROCESSORS.has(chosen)
    ? (chosen as BodyProcessor)
    : processorOf(contentType, lengthBytes);
}
