/** Writes small ledgers for tests, sealed as the writer seals them, at times the test chooses. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createSigningKeyPem, readSigningKey } from "../signing-key.ts";
import { EMPTY_STATE, Stream } from "../stream.ts";

const ORIGIN = "gateway.example/one";

interface Members {
  readonly kind: string;
  readonly [name: string]: unknown;
}

export class SmallLedger {
  readonly directory: string;
  readonly #stream: Stream;
  readonly #key = readSigningKey(createSigningKeyPem(), ORIGIN);
  #lines: Buffer[] = [];
  #segment = -1;
  #nowMs: number;
  #previous: object | null = null;
  #checkpoint: { note: string; size: number } | undefined;

  constructor(directory: string, startMs: number) {
    this.directory = directory;
    this.#nowMs = startMs;
    this.#stream = new Stream(EMPTY_STATE(), {
      key: this.#key,
      sign: "checkpoint",
      nowUs: () => this.#nowMs * 1_000,
    });
  }

  get verifierKey(): string {
    return this.#key.verifierKey;
  }

  get checkpoint(): { note: string; size: number } | undefined {
    return this.#checkpoint;
  }

  at(ms: number): this {
    this.#nowMs = ms;
    return this;
  }

  open(reason: string, more: object = {}): this {
    this.#segment += 1;
    this.#lines = [];
    const { size } = this.#stream.tree;
    return this.line({
      kind: "open",
      segment: this.#segment,
      reason,
      gateway: ORIGIN,
      writer: "portcullis test",
      public_key: this.#key.verifierKey,
      previous: this.#previous,
      tree: {
        size,
        root: this.#stream.tree.root().toString("base64"),
        frontier: this.#stream.tree.frontier().map((hash) => hash.toString("base64")),
      },
      ...more,
    });
  }

  /** Seals a line; its number is the one before it and one. */
  line(members: Members): this {
    const { kind, ...rest } = members;
    this.#lines.push(this.#stream.seal(JSON.stringify({ kind, ...rest }).slice(1, -1)));
    return this;
  }

  /** Signs what there is, and leaves the note in the directory as the writer does. */
  sign(): this {
    this.#lines.push(this.#keep(this.#stream));
    return this;
  }

  #keep(stream: Stream): Buffer {
    const { line, note, size } = stream.sealCheckpoint();
    this.#checkpoint = { note, size };
    writeFileSync(join(this.directory, "checkpoint"), note);
    writeFileSync(join(this.directory, "public-key"), `${this.#key.verifierKey}\n`);
    return line;
  }

  close(reason: string, isCompressed = false): this {
    const lines = this.#lines.length + 1;
    this.line({ kind: "close", segment: this.#segment, reason, lines, classes: {} });
    // The last note covers the close line too, and stands in the file alone.
    this.#keep(
      new Stream(this.#stream.state, {
        key: this.#key,
        sign: "checkpoint",
        nowUs: () => this.#nowMs * 1_000,
      }),
    );
    return this.flush({ isCompressed });
  }

  /** Puts the segment on disk as it stands; `tail` is what follows its last line. */
  flush({ isCompressed = false, tail = "" } = {}): this {
    const bytes = Buffer.concat([...this.#lines, Buffer.from(tail)]);
    const name = `${String(this.#segment).padStart(8, "0")}.ndjson${isCompressed ? ".gz" : ""}`;
    writeFileSync(join(this.directory, name), isCompressed ? gzipSync(bytes) : bytes);
    this.#previous = {
      segment: this.#segment,
      lines: this.#lines.length,
      head: this.#stream.head,
    };
    return this;
  }
}

export interface DecisionFixture {
  readonly requestId?: string;
  readonly caller?: string;
  readonly tenant?: string;
  readonly model?: string;
  readonly version?: string;
  readonly decision?: "allow" | "deny" | "error";
  readonly status?: number | null;
  readonly stage?: string;
  readonly code?: string | null;
  readonly more?: object;
}

/** A decision as the gateway writes it; by default a call that was allowed. */
export function decision(given: DecisionFixture = {}): Members {
  const { caller, tenant, decision: decided = "allow", more = {} } = given;
  return {
    kind: "decision",
    request_id: given.requestId ?? "req",
    trace_id: "0af7651916cd43dd8448eb211c80319c",
    who:
      caller === undefined
        ? { method: "none" }
        : { method: "jwt", caller, subject: caller, key: `jwt:${caller}`, tenant },
    method: "POST",
    path: "/{model}/{version}/predict",
    route: "predict",
    model: given.model ?? null,
    version: given.version ?? null,
    decision: decided,
    status: given.status === undefined ? (decided === "allow" ? 200 : 403) : given.status,
    stage: given.stage ?? (decided === "allow" ? "upstream" : "authorization"),
    code:
      given.code === undefined
        ? decided === "allow"
          ? "ok"
          : "authorization.no_grant"
        : given.code,
    config: "b3:config",
    latency_us: 1_000,
    ...more,
  };
}
