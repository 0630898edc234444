/** How many requests run now. Only their ends make room; no clock does. */
import { reading, type Counter } from "./counter.ts";
import { CONCURRENCY_RETRY_MS, type ConcurrencyRule, type LimitReading } from "./limit-store.ts";

export class ConcurrencyCounter implements Counter<ConcurrencyRule> {
  /** All that run: each is given back. */
  holds = 0;

  waitMs(rule: ConcurrencyRule): number {
    return this.holds < rule.limit ? 0 : CONCURRENCY_RETRY_MS;
  }

  spend(): number {
    return 0;
  }

  read(rule: ConcurrencyRule): LimitReading {
    return reading(rule, rule.limit - this.holds, 0);
  }

  correct(): void {}

  isWhole(): boolean {
    return this.holds === 0;
  }
}
