/** The ledger of a gateway under test, read from its files: what was put on record of each request, and whether it holds. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { verifyLedger } from "../../src/ledger/verify/verify-ledger.ts";
import type { AccessLine } from "./gateway-log.ts";

export interface RecordLine {
  readonly seq: number;
  readonly kind: string;
  readonly request_id?: string;
  readonly of?: string;
  readonly status?: number | null;
  readonly code?: string | null;
  readonly [member: string]: unknown;
}

export class GatewayRecord {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get exists(): boolean {
    return existsSync(this.directory);
  }

  /** All whole lines of all segments, in order. */
  lines(): RecordLine[] {
    return this.text()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as RecordLine);
  }

  text(): string {
    const names = readdirSync(this.directory).filter((name) => /^\d+\.ndjson(?:\.gz)?$/.test(name));
    const segments = new Set(names.map((name) => name.replace(/\.gz$/, "")));
    return [...segments]
      .sort()
      .map((name) => this.#segment(name))
      .map((text) => text.slice(0, text.lastIndexOf("\n") + 1))
      .join("");
  }

  /** A closed segment may be compressed while it is looked for. */
  #segment(name: string): string {
    const path = join(this.directory, name);
    try {
      return readFileSync(path, "utf8");
    } catch {
      return gunzipSync(readFileSync(`${path}.gz`)).toString("utf8");
    }
  }

  /** The one decision of a request, with its outcome laid over it where there is one. Throws when there is none or two. */
  decisionOf(requestId: string): RecordLine {
    const lines = this.lines();
    const decisions = lines.filter(
      (line) => line.kind === "decision" && line.request_id === requestId,
    );
    if (decisions.length !== 1) throw new Error(`${decisions.length} decisions for ${requestId}`);
    const outcome = lines.findLast((line) => line.kind === "outcome" && line.of === requestId);
    return { ...(decisions[0] as RecordLine), ...(outcome && { ...outcome, kind: "decision" }) };
  }

  /** Answers without their one decision, and decisions that say something else than the log. */
  faultsOf(answered: readonly string[], log: readonly AccessLine[]): string[] {
    const decisions = new Map<string, RecordLine[]>();
    for (const line of this.lines()) {
      const id = line.kind === "decision" ? line.request_id : undefined;
      if (id !== undefined) decisions.set(id, [...(decisions.get(id) ?? []), line]);
    }
    return answered.flatMap((id) => {
      const said = log.find((line) => line.request_id === id);
      const found = decisions.get(id) ?? [];
      // What could not be recorded says so, and nothing else is on no record.
      if (said?.code === "ledger.unavailable") return [];
      if (found.length !== 1) return [`${found.length} decisions in the ledger for ${id}`];
      const { status, code } = this.decisionOf(id);
      return status === said?.status && code === said?.code
        ? []
        : [`the ledger says ${status} ${code} of ${id}, the log ${said?.status} ${said?.code}`];
    });
  }

  /** Throws unless every line of the ledger is proven. */
  async verify(): Promise<void> {
    const { isProven, conclusion, findings } = await verifyLedger(this.directory);
    if (!isProven) throw new Error(`${conclusion} ${JSON.stringify(findings)}`);
  }
}
