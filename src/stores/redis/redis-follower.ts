/**
 * When to look at what others changed in Redis: at a message, when the server is back, and every now and then because
 * messages may be lost. One look at a time; it must end with the store, and never hold the process open.
 */
import type { RedisLink } from "./redis-link.ts";

export interface RedisFollowerOptions {
  readonly link: RedisLink;
  readonly channel: string;
  readonly pollMs: number;
  /** Never rejects; true when Redis and this machine know the same. */
  readonly look: () => Promise<boolean>;
}

export class RedisFollower {
  readonly #options: RedisFollowerOptions;
  #stopState: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  #isSubscribing = false;
  #running: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  #isClosed = false;

  constructor(options: RedisFollowerOptions) {
    this.#options = options;
  }

  /** Looks by itself from now on. */
  start(): void {
    this.#stopState = this.#options.link.onState((state) => {
      if (state === "up") void this.look();
    });
    this.#subscribe();
    this.#pollLater();
  }

  /** One that is asked for during a look begins afterwards, and all who ask meanwhile share it. */
  look(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    if (this.#running === undefined) {
      this.#running = this.#options.look().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.look();
    });
    return this.#next;
  }

  /** No look begins from here on; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stopState();
    await this.#unsubscribe?.().catch(() => undefined);
    await this.#running;
    await this.#next;
  }

  /** Tried again with each poll: the link goes on by itself only with what has been there once. */
  #subscribe(): void {
    if (this.#unsubscribe || this.#isSubscribing || this.#isClosed) return;
    this.#isSubscribing = true;
    const { link, channel } = this.#options;
    link
      .subscribe(channel, () => void this.look())
      .then(
        (unsubscribe) => {
          this.#unsubscribe = unsubscribe;
          if (this.#isClosed) void unsubscribe().catch(() => undefined);
        },
        () => undefined,
      )
      .finally(() => {
        this.#isSubscribing = false;
      });
  }

  #pollLater(): void {
    const { link, pollMs } = this.#options;
    this.#timer = setTimeout(() => {
      this.#subscribe();
      // While the breaker is open the link probes by itself, and says when it is up again.
      const look = link.state === "up" ? this.look() : Promise.resolve(false);
      void look.finally(() => {
        if (!this.#isClosed) this.#pollLater();
      });
    }, pollMs).unref();
  }
}
