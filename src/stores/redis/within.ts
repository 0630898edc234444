/** A limit of time for steps that are taken rarely; calls have `Deadlines`. What was begun goes on unseen. */

/**
 * A timer that is later than this means that the process was held up, and has not read its sockets. It then waits that delay
 * once more; lowered, a busy process notices a dead server later.
 */
export const STALL_MS = 25;

export function within<T>(limitMs: number, work: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Error(`${what} within ${limitMs} ms`));
    const dueAtMs = performance.now() + limitMs;
    let timer = setTimeout(() => {
      const lateMs = performance.now() - dueAtMs;
      if (lateMs <= STALL_MS) giveUp();
      else timer = setTimeout(giveUp, Math.min(lateMs, limitMs));
    }, limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
