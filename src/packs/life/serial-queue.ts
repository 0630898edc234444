/** Operations one after the other, in the order in which they were asked for; one that fails never stops the next. */

export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** How many run or wait. */
  get length(): number {
    return this.#waiting;
  }

  /** Runs it when all before have ended, and is settled as it is. */
  run<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const running = this.#last.then(operation).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = running.catch(() => undefined);
    return running;
  }

  /** All that was asked for until now has ended. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
