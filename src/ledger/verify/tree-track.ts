/** The tree over the lines seen, as long as it is known: a line that is lost takes the root with it, until a frontier. */
import { CompactRange } from "../merkle/compact-range.ts";

export class TreeTrack {
  #tree: CompactRange | undefined = CompactRange.empty();

  /** Undefined where lines before are unknown. */
  get known(): Pick<CompactRange, "size" | "root" | "frontier"> | undefined {
    return this.#tree;
  }

  append(leaf: Buffer): void {
    this.#tree?.append(leaf);
  }

  lose(): void {
    this.#tree = undefined;
  }

  /** Goes on from what an `open` line says; false where that cannot be a tree. */
  restore(size: number, frontier: readonly Buffer[]): boolean {
    try {
      this.#tree = CompactRange.restore(size, frontier);
      return true;
    } catch {
      return false;
    }
  }
}
