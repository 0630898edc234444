/** Signed checkpoints that are not lines of the stream, held against it where it reaches their size. */
import type { Checkpoint } from "../checkpoint.ts";
import type { FindingList } from "./finding.ts";
import type { TreeTrack } from "./tree-track.ts";

/** One whose signature has been verified. */
export interface Anchor {
  /** Its file, for whoever reads the finding. */
  readonly name: string;
  readonly checkpoint: Checkpoint;
  /** It was kept elsewhere; otherwise it is the directory's own file `checkpoint`. */
  readonly isOutside: boolean;
}

export class Anchors {
  readonly #anchors: readonly Anchor[];
  readonly #findings: FindingList;
  readonly #tree: TreeTrack;
  #next = 0;
  #nextSize: number;
  #agreedSize = 0;
  #metOutside = 0;
  readonly #notCompared: string[] = [];

  constructor(anchors: readonly Anchor[], findings: FindingList, tree: TreeTrack) {
    this.#anchors = anchors.toSorted((one, other) => one.checkpoint.size - other.checkpoint.size);
    this.#findings = findings;
    this.#tree = tree;
    this.#nextSize = this.#sizeAt(0);
  }

  /** Outside ones that the stream agrees with. */
  get metOutside(): number {
    return this.#metOutside;
  }

  /** Files of those whose place in the stream is damaged, removed or not looked at. */
  get notCompared(): readonly string[] {
    return this.#notCompared;
  }

  /** The smallest size that is still ahead: nothing needs to be asked before. */
  get nextSize(): number {
    return this.#nextSize;
  }

  /** The stream has `size` lines, the last with this hash. True when a checkpoint covers them all. */
  reach(size: number, head: string): boolean {
    let isCovered = false;
    while (this.#nextSize <= size) {
      const anchor = this.#anchors[this.#next] as Anchor;
      if (anchor.checkpoint.size < size) this.#notCompared.push(anchor.name);
      else isCovered = this.#compare(anchor, head) || isCovered;
      this.#next += 1;
      this.#nextSize = this.#sizeAt(this.#next);
    }
    return isCovered;
  }

  /** The stream ends with `nextSeq` lines, of which damaged ones may be the last. */
  finish(nextSeq: number, isWhole: boolean): void {
    for (const anchor of this.#anchors.slice(this.#next)) {
      const { name, checkpoint, isOutside } = anchor;
      if (checkpoint.size <= nextSeq || !isWhole) {
        this.#notCompared.push(name);
        continue;
      }
      const which = isOutside ? name : "the file checkpoint";
      const detail = `${which} is of ${checkpoint.size} lines, here are ${nextSeq}`;
      this.#findings.add("tail_cut", { seq: nextSeq, lastSeq: checkpoint.size - 1, detail });
    }
  }

  #compare({ name, checkpoint, isOutside }: Anchor, head: string): boolean {
    const root = this.#tree.known?.root();
    if (checkpoint.chain === head && (!root || root.equals(checkpoint.root))) {
      if (isOutside) {
        this.#agreedSize = checkpoint.size;
        this.#metOutside += 1;
      }
      return true;
    }
    this.#findings.add(isOutside ? "fork" : "checkpoint_mismatch", {
      place: { file: name },
      seq: this.#agreedSize,
      lastSeq: checkpoint.size - 1,
      detail: `it covers ${checkpoint.size} lines`,
    });
    return false;
  }

  #sizeAt(index: number): number {
    return this.#anchors[index]?.checkpoint.size ?? Number.POSITIVE_INFINITY;
  }
}
