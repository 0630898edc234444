/** When keys were last used, in memory and to the minute; written down together, and lost for up to a minute by a crash. */

/** Last uses are kept to the minute and written together. */
export const USE_GRAIN_MS = 60_000;

export class KeyUses {
  readonly #uses = new Map<string, number>();
  readonly #unwritten = new Set<string>();

  note(id: string, nowMs: number): void {
    if (nowMs - (this.#uses.get(id) ?? -Infinity) < USE_GRAIN_MS) return;
    this.#uses.set(id, nowMs);
    this.#unwritten.add(id);
  }

  /** The later of what was written down and what is known here; undefined when neither is. */
  latest(id: string, writtenMs: number | undefined): number | undefined {
    const usedAtMs = Math.max(writtenMs ?? 0, this.#uses.get(id) ?? 0);
    return usedAtMs === 0 ? undefined : usedAtMs;
  }

  /** Those that are not written down yet; they count as written when `write` returns. */
  flush(write: (uses: ReadonlyMap<string, number>) => void): void {
    if (this.#unwritten.size === 0) return;
    write(new Map([...this.#unwritten].map((id) => [id, this.#uses.get(id) ?? 0])));
    this.#unwritten.clear();
  }
}
