/** The log of a gateway under test, read from its file: what was said of each request, and what should not be there. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export type LogLine = Readonly<Record<string, unknown>>;

/** The fields of the access line that tests ask for. */
export interface AccessLine extends LogLine {
  readonly request_id: string;
  readonly status: number;
  readonly decision: "allow" | "deny" | "error";
  readonly stage: string;
  readonly code: string;
}

/** Lines are written in batches, five times a second; a busy machine may take a little longer. */
const WAIT_LIMIT_MS = 3_000;
const WAIT_STEP_MS = 20;

export class GatewayLog {
  readonly #path: string;
  /** Access lines that were judged before. */
  #judged = 0;

  constructor(path: string) {
    this.#path = path;
  }

  lines(): LogLine[] {
    return this.text()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as LogLine);
  }

  text(): string {
    const text = readFileSync(this.#path, "utf8");
    // A batch may be half on disk.
    return text.slice(0, text.lastIndexOf("\n") + 1);
  }

  accessLines(): AccessLine[] {
    return this.lines().filter((line): line is AccessLine => line["msg"] === "request");
  }

  /** Throws when there is none within the limit, or more than one. */
  async lineOf(requestId: string): Promise<AccessLine> {
    await this.waitFor([requestId]);
    const found = this.accessLines().filter(({ request_id: id }) => id === requestId);
    if (found.length !== 1) throw new Error(`${found.length} access lines for ${requestId}`);
    return found[0] as AccessLine;
  }

  async waitFor(requestIds: readonly string[]): Promise<void> {
    const deadline = performance.now() + WAIT_LIMIT_MS;
    let missing = this.#missing(requestIds);
    while (missing.length > 0) {
      if (performance.now() > deadline)
        throw new Error(`answered but never recorded: ${missing.join(", ")}`);
      await sleep(WAIT_STEP_MS);
      missing = this.#missing(missing);
    }
  }

  #missing(requestIds: readonly string[]): string[] {
    if (requestIds.length === 0) return [];
    const text = this.text();
    return requestIds.filter((id) => !text.includes(`"request_id":"${id}"`));
  }

  /** What is wrong with the access lines since the last call; `expected` codes may be behind a 5xx. */
  takeFaults(expected: ReadonlySet<string>): string[] {
    const all = this.accessLines();
    const fresh = all.slice(this.#judged);
    this.#judged = all.length;
    const seen = new Set<string>();
    return fresh.flatMap((line) => {
      const faults: string[] = [];
      if (seen.has(line.request_id)) faults.push(`two access lines for ${line.request_id}`);
      seen.add(line.request_id);
      if (line.status >= 500 && !expected.has(line.code))
        faults.push(`unexpected ${line.status} ${line.code}: ${String(line["cause"])}`);
      if (line["code"] === undefined || line["stage"] === undefined)
        faults.push(`no stage or code: ${JSON.stringify(line)}`);
      return faults;
    });
  }
}
