/**
 * `@validateByteRange`: matches when the value holds a byte outside the ranges of the argument; it must never stop before
 * the last byte.
 */
import type { ByteString } from "../byte-string.ts";
import { OperatorRefused, type OperatorCompiler } from "./operator.ts";

function readByte(text: string): number | undefined {
  const byte = /^\d{1,3}$/.test(text.trim()) ? Number(text) : 256;
  return byte > 255 ? undefined : byte;
}

function readRanges(argument: ByteString): Uint8Array {
  const allowed = new Uint8Array(256);
  for (const part of argument.split(",")) {
    const [low = "", high = low, ...rest] = part.split("-");
    const from = readByte(low);
    const to = readByte(high);
    if (from === undefined || to === undefined || from > to || rest.length > 0) {
      throw new OperatorRefused(
        "operator.argument_invalid",
        `${JSON.stringify(part)} is no byte or range of bytes (such as 10 or 32-126, at most 255)`,
      );
    }
    allowed.fill(1, from, to + 1);
  }
  return allowed;
}

/** The argument is a list such as `9,10,13,32-126`. Where ModSecurity passes over a bad entry, this refuses it. */
export const validateByteRange: OperatorCompiler = (argument) => {
  const allowed = readRanges(argument);
  return {
    test: (value) => {
      for (let at = 0; at < value.length; at += 1) {
        if (allowed[value.charCodeAt(at)] !== 1) return true;
      }
      return false;
    },
  };
};
