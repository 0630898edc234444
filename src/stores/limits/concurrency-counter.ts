/** How many requests run now. Only their ends make room; no clock does. */
import { reading, type Counter } from "./counter.ts";
import { CONCURRENCY_RETRY_MS, type ConcurrencyRule, type LimitReading } from "./limit-store.ts";

export class ConcurrencyCounter implements Counter<ConcurrencyRule> {
  #running = 0;

  waitMs(rule: ConcurrencyRule): number {
    return this.#running < rule.limit ? 0 : CONCURRENCY_RETRY_MS;
  }

  spend(): number {
    this.#running++;
    return 0;
  }

  read(rule: ConcurrencyRule): LimitReading {
    return reading(rule, rule.limit - this.#running, 0);
  }

  correct(): void {
    this.#running--;
  }

  isWhole(): boolean {
    return this.#running === 0;
  }
}
