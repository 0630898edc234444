/** Walks over a pattern's source; knows where it is, so that every refusal names its place, and nothing about syntax. */
import { PatternRefused, type RefusalCode } from "./pattern-tree.ts";

export class PatternReader {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    this.source = source;
  }

  isAtEnd(): boolean {
    return this.at >= this.source.length;
  }

  startsWith(text: string): boolean {
    return this.source.startsWith(text, this.at);
  }

  /** Steps over the text when it comes next. */
  accept(text: string): boolean {
    if (!this.startsWith(text)) return false;
    this.at += text.length;
    return true;
  }

  /** Steps over what the sticky expression matches here. */
  take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.source);
    if (found) this.at += found[0].length;
    return found ?? undefined;
  }

  /** The next character, which must be there. */
  next(what: string): string {
    const character = this.source[this.at];
    if (character === undefined) this.refuse("syntax", `the pattern ends inside ${what}`);
    this.at++;
    return character;
  }

  refuse(code: RefusalCode, reason: string, position: number = this.at): never {
    throw new PatternRefused(code, reason, position);
  }
}
