/** What a regression test of the Core Rule Set says, whichever of the two spellings its file used. */
import type { ByteString } from "../byte-string.ts";

export interface FtwInput {
  readonly method: ByteString;
  readonly uri: ByteString;
  readonly version: ByteString;
  readonly headers: readonly (readonly [name: ByteString, value: ByteString])[];
  readonly data: ByteString | undefined;
  /** The whole request as it goes over the wire; then nothing above counts. */
  readonly wholeRequest: ByteString | undefined;
  /** Whether the sender completes headers and encodes forms. */
  readonly isCompleted: boolean;
  /** Whether a method that takes a body says so when there is none; the sender of the older form did not. */
  readonly sendsZeroLength: boolean;
}

/** Every member that is given must hold. */
export interface FtwExpectation {
  readonly expectIds: readonly number[];
  readonly noExpectIds: readonly number[];
  readonly matchRegex: RegExp | undefined;
  readonly noMatchRegex: RegExp | undefined;
  readonly logContains: ByteString | undefined;
  readonly noLogContains: ByteString | undefined;
  /** Exactly one rule may have logged. */
  readonly isIsolated: boolean;
  readonly responseContains: RegExp | undefined;
  /** Accepted answers; empty when the test does not ask. */
  readonly statuses: readonly number[];
  /** The request must not be answered at all. */
  readonly isErrorExpected: boolean;
}

export interface FtwStage {
  readonly input: FtwInput;
  readonly expected: FtwExpectation;
}

export interface FtwTest {
  /** Rule and number: `942100-1`. */
  readonly id: string;
  /** Path below the directory that was read. */
  readonly file: string;
  readonly description: string;
  readonly stages: readonly FtwStage[];
}

/** A test file that cannot be understood; nothing of a directory with such a file is run. */
export class FtwFileRefused extends Error {
  override readonly name = "FtwFileRefused";
  readonly file: string;

  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`);
    this.file = file;
  }
}
