/** Lines as bytes: where the fixed members are found, and that nothing misplaced is taken for them. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blake3Hex } from "./hashing.ts";
import {
  FIRST_PREV,
  hashMemberOf,
  LINE_LIMIT_BYTES,
  LineError,
  lineHash,
  readLine,
  scanLine,
} from "./line.ts";

const TS = "2026-11-22T13:44:17.123456Z";
const SIGNATURE = `ed25519:${"A".repeat(86)}==`;

/** A line of these parts, with a hash that fits. */
function lineOf(parts: {
  ts?: string;
  seq?: string;
  members?: string;
  prev?: string;
  signature?: string;
}): Buffer {
  const { ts = TS, seq = "17", members = '"kind":"decision","n":1', prev = FIRST_PREV } = parts;
  const signature = parts.signature === undefined ? "" : `,"signature":"${parts.signature}"`;
  const open = `{"ts":"${ts}","seq":${seq},${members},"prev":"${prev}"${signature}`;
  return Buffer.from(`${open},"hash":"b3:${blake3Hex(Buffer.from(`${open}}`))}"}`);
}

function codeOf(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string {
  try {
    read(bytes);
    return "read";
  } catch (error) {
    if (error instanceof LineError) return error.code;
    throw error;
  }
}

describe("a line", () => {
  test("is read with its fixed members and its object", () => {
    const bytes = lineOf({ members: '"kind":"key","event":"create"' });
    const hash = lineHash(bytes);
    expect(readLine(bytes)).toEqual({
      seq: 17,
      ts: TS,
      kind: "key",
      prev: FIRST_PREV,
      hash,
      signature: undefined,
      signedBytes: bytes.length - 78,
      value: { ts: TS, seq: 17, kind: "key", event: "create", prev: FIRST_PREV, hash },
    });
    expect(hashMemberOf(bytes)).toBe(hash);
  });

  test("with a signature says over which bytes it is: all before it", () => {
    const bytes = lineOf({ signature: SIGNATURE });
    const { signature, signedBytes } = readLine(bytes);
    expect(signature).toBe(SIGNATURE);
    expect(bytes.subarray(signedBytes).toString()).toMatch(/^,"signature":"/);
    expect(bytes.subarray(0, signedBytes).toString()).toMatch(/,"prev":"b3:0{64}"$/);
  });

  test("is read from a plain Uint8Array within a larger buffer too", () => {
    const bytes = lineOf({});
    const larger = new Uint8Array(bytes.length + 20);
    larger.set(bytes, 7);
    expect(readLine(larger.subarray(7, 7 + bytes.length))).toEqual(readLine(bytes));
  });

  test("scanned and parsed, says the same, whatever its strings say", () => {
    const hostile = fc.constantFrom(
      ',"prev":"b3:',
      '","seq":1,"kind":"x',
      `,"hash":"b3:${"0".repeat(64)}"}`,
      `,"signature":"${SIGNATURE}"`,
      '"}',
      "\\",
      "\u2028\n\u0000",
      "\u65e5\u672c\ud83d\ude00",
    );
    const strings = fc.array(fc.oneof(hostile, fc.string({ unit: "binary" })), { maxLength: 4 });
    fc.assert(
      fc.property(strings, fc.nat(), fc.boolean(), (values, seq, isSigned) => {
        const object = JSON.stringify({ values, nested: Object.fromEntries(values.entries()) });
        const members = `"kind":"decision",${object.slice(1, -1)}`;
        const signed = isSigned ? { signature: SIGNATURE } : {};
        const bytes = lineOf({ seq: String(seq), members, ...signed });
        const { value, ...scanned } = readLine(bytes);
        expect(scanned).toEqual(scanLine(bytes));
        expect(value).toMatchObject({ seq, kind: "decision", prev: scanned.prev });
        expect(scanned.hash).toBe(lineHash(bytes));
        expect(value["signature"]).toBe(isSigned ? SIGNATURE : undefined);
      }),
    );
  });

  test("has another hash, or is no line, with any byte changed", () => {
    const bytes = lineOf({ signature: SIGNATURE });
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      const isTaken =
        codeOf(scanLine, changed) === "read" && lineHash(changed) === hashMemberOf(changed);
      expect(isTaken, `byte ${at}`).toBe(false);
    }
  });

  const whole = lineOf({}).toString();
  test.each([
    ["nothing", ""],
    ["an empty object", "{}"],
    ["a line without its end", whole.slice(0, -1)],
    ["a line without its beginning", whole.slice(1)],
    ["a line with its LF", `${whole}\n`],
    ["a line with a space in front", ` ${whole}`],
    ["a line with a byte order mark", `\ufeff${whole}`],
    ["a space behind a comma", whole.replace(',"seq"', ', "seq"')],
    ["another first member than ts", whole.replace('{"ts"', '{"tt"')],
    [
      "a signature without its closing quote",
      lineOf({ signature: SIGNATURE }).toString().replace('==",', "==A,"),
    ],
    ["ts with three digits", lineOf({ ts: "2026-11-22T13:44:17.123Z" }).toString()],
    ["ts with an offset", lineOf({ ts: "2026-11-22T13:44:17.12345+0" }).toString()],
    ["a negative seq", lineOf({ seq: "-1" }).toString()],
    ["a seq with a leading zero", lineOf({ seq: "017" }).toString()],
    ["a seq with a fraction", lineOf({ seq: "17.0" }).toString()],
    ["a seq with an exponent", lineOf({ seq: "1e3" }).toString()],
    ["a seq beyond safe integers", lineOf({ seq: "9007199254740993" }).toString()],
    ["a seq without end", lineOf({ seq: "1".repeat(400) }).toString()],
    ["a seq as text", lineOf({ seq: '"17"' }).toString()],
    ["no kind", lineOf({ members: '"n":1' }).toString()],
    ["kind behind another member", lineOf({ members: '"n":1,"kind":"x"' }).toString()],
    ["an empty kind", lineOf({ members: '"kind":""' }).toString()],
    ["a kind with an escape", lineOf({ members: '"kind":"a\\"b"' }).toString()],
    ["prev in capitals", lineOf({ prev: `b3:${"A".repeat(64)}` }).toString()],
    ["prev too short", lineOf({ prev: "b3:00" }).toString()],
    ["prev of another hash", lineOf({ prev: `b2:${"0".repeat(64)}` }).toString()],
    ["a signature too short", lineOf({ signature: "ed25519:AAAA" }).toString()],
    ["hash in capitals", whole.replace(/[0-9a-f]{64}"}$/, (hash) => hash.toUpperCase())],
    ["members behind hash", whole.replace(/}$/, ',"x":1}')],
    [
      "prev and hash within another object",
      whole.replace('"n":1,', '"n":{"m":1,').replace(/}$/, "}}"),
    ],
  ])("is malformed: %s", (_, text) => {
    expect(codeOf(readLine, Buffer.from(text))).toBe("line.malformed");
  });

  test.each([
    ["a member that is not JSON", '"kind":"decision","n":nope'],
    ["an object closed too early", '"kind":"decision"},{"x":1'],
    ["seq said twice", '"kind":"decision","seq":18'],
    ["kind said twice", '"kind":"decision","kind":"close"'],
    ["ts said twice", '"kind":"decision","ts":"2027-01-01T00:00:00.000000Z"'],
    ["a signature where none belongs", `"kind":"decision","signature":"${SIGNATURE}"`],
    ["a newline within a string", '"kind":"decision","n":"\n"'],
  ])("is not one JSON object: %s", (_, members) => {
    const bytes = lineOf({ members });
    expect(codeOf(scanLine, bytes)).toBe("read");
    expect(codeOf(readLine, bytes)).toBe("line.not_json");
  });

  test("is not one JSON object when it is not UTF-8", () => {
    const bytes = lineOf({ members: '"kind":"decision","n":"?"' });
    bytes[bytes.indexOf("?")] = 0xff;
    expect(codeOf(readLine, bytes)).toBe("line.not_json");
  });

  test("may have 65,535 bytes before its LF, and not one more", () => {
    const rest = LINE_LIMIT_BYTES - 1 - lineOf({ members: '"kind":"decision","n":""' }).length;
    const sized = (length: number): Buffer =>
      lineOf({ members: `"kind":"decision","n":"${"x".repeat(length)}"` });
    expect(codeOf(readLine, sized(rest))).toBe("read");
    expect(codeOf(readLine, sized(rest + 1))).toBe("line.too_long");
  });

  test("too short to hold a hash has none", () => {
    expect(codeOf(lineHash, Buffer.from("{}"))).toBe("line.malformed");
    expect(codeOf(hashMemberOf, Buffer.from("{}"))).toBe("line.malformed");
  });
});
