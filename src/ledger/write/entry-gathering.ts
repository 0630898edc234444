/**
 * Entries on their way to the thread, gathered into messages: all of one turn of the event loop, and all that come while
 * the thread has enough to do. A message costs both threads, and a group the disk, the same however much is in it. It must
 * never hold an entry while the thread idles.
 */
import { ENTRY_SEPARATOR } from "./thread-messages.ts";

/** Takes entries as one text, and whether someone waits for any of them. */
type Send = (text: string, isAwaited: boolean) => void;

/** One in the thread's hand and one in wait, so that it never idles. */
const MESSAGES_UNDER_WAY = 2;

export class EntryGathering {
  readonly #send: Send;
  #entries: string[] = [];
  #isAwaited = false;
  #isTurnWatched = false;
  /** Messages that the thread has not finished, as far as that can be told. */
  #underWay = 0;
  /** Of what is under way. The thread itself holds back what nobody waits for. */
  #isUnderWayAwaited = false;

  constructor(send: Send) {
    this.#send = send;
  }

  get count(): number {
    return this.#entries.length;
  }

  add(members: string, isAwaited: boolean): void {
    this.#entries.push(members);
    this.#isAwaited ||= isAwaited;
    if (this.#isTurnWatched || this.#isHeld) return;
    this.#isTurnWatched = true;
    setImmediate(this.#onTurnEnded);
  }

  /** The thread has finished a group. What is left of what was sent is in one message at most. */
  groupEnded(isMoreUnderWay: boolean): void {
    this.#underWay = isMoreUnderWay ? 1 : 0;
    this.#isUnderWayAwaited &&= isMoreUnderWay;
    this.flush();
  }

  /** Sends what there is, whatever is under way. */
  flush(): void {
    if (this.#entries.length === 0) return;
    const text = this.#entries.join(ENTRY_SEPARATOR);
    const isAwaited = this.#isAwaited;
    this.#entries = [];
    this.#isAwaited = false;
    this.#underWay += 1;
    this.#isUnderWayAwaited ||= isAwaited;
    this.#send(text, isAwaited);
  }

  /** For a later message; but nobody waits behind what nobody awaits. */
  get #isHeld(): boolean {
    const isEnough = this.#underWay >= MESSAGES_UNDER_WAY;
    return isEnough && (this.#isUnderWayAwaited || !this.#isAwaited);
  }

  readonly #onTurnEnded = (): void => {
    this.#isTurnWatched = false;
    if (!this.#isHeld) this.flush();
  };
}
