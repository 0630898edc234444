/**
 * Watches what a transaction costs. Reading the thread's CPU time is too dear for every request, so the wall clock warns first;
 * only then CPU time is read, because on a busy machine waiting must not look like working.
 */

/** CPU time of this thread in milliseconds; of the process where Node cannot tell threads apart (before 23.9). */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage();
  return (user + system) / 1_000;
}

export class CpuBudget {
  readonly #budgetMs: number;
  #spentMs = 0;
  #startedMs = 0;
  /** CPU time at the moment when the wall clock had reached the budget. */
  #warnedAtCpuMs: number | undefined;
  /** CPU time between pieces of work since then, which was not ours. */
  #idleCpuMs = 0;
  #stoppedAtCpuMs = 0;

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  /** Wall time worked, in milliseconds. */
  get spentMs(): number {
    return this.#spentMs;
  }

  start(): void {
    this.#startedMs = performance.now();
    if (this.#warnedAtCpuMs !== undefined) this.#idleCpuMs += cpuMs() - this.#stoppedAtCpuMs;
  }

  stop(): void {
    this.#spentMs += performance.now() - this.#startedMs;
    if (this.#warnedAtCpuMs !== undefined) this.#stoppedAtCpuMs = cpuMs();
  }

  /** Whether the transaction has used up its budget: surely not before, and by at most as much again. */
  isSpent(nowMs: number): boolean {
    if (this.#spentMs + nowMs - this.#startedMs <= this.#budgetMs) return false;
    const now = cpuMs();
    this.#warnedAtCpuMs ??= now;
    return now - this.#warnedAtCpuMs - this.#idleCpuMs >= this.#budgetMs;
  }
}
