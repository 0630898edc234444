/** Collects what is wrong with one pack, by place, so that an author sees all of it at once. */
import type { Origin } from "../../config/diagnostic.ts";
import { toPrintable, type SourceText } from "../../config/source-text.ts";
import { PackRefused, type PackErrorCode, type PackFinding } from "../pack-error.ts";

/** Findings kept. A file that is wrong throughout would otherwise cost more to complain about than to read. */
const FINDING_LIMIT = 100;

interface Placed {
  readonly finding: PackFinding;
  readonly start: number;
}

export interface Complaint {
  readonly code: PackErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

export class Findings {
  readonly source: SourceText;
  readonly #placed: Placed[] = [];

  constructor(source: SourceText) {
    this.source = source;
  }

  /** Nothing that is found from now on is kept: there is no need to look further. */
  get isFull(): boolean {
    return this.#placed.length >= FINDING_LIMIT;
  }

  /** At a value or a key of the file. */
  add(origin: Origin, complaint: Complaint): void {
    this.addAt(origin.kind === "file" ? origin.start : 0, complaint);
  }

  /** At an offset into the file. */
  addAt(start: number, { code, message, hint }: Complaint): void {
    if (this.isFull) return;
    const place = this.source.position(start);
    const help = hint === undefined ? {} : { hint: toPrintable(hint) };
    const finding = Object.freeze({ code, message: toPrintable(message), ...place, ...help });
    this.#placed.push({ finding, start });
  }

  /** Throws `PackRefused` when anything was found. */
  refuseIfAny(): void {
    const sorted = this.#placed.toSorted((a, b) => a.start - b.start);
    const [first, ...others] = sorted.map(({ finding }) => finding);
    if (first) throw new PackRefused([first, ...others]);
  }
}
