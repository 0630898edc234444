/** Sealing lines: the exact bytes, the chain and tree they add up to, clocks that go back, and refusals without a trace. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCheckpoint } from "./checkpoint.ts";
import { leafHash } from "./hashing.ts";
import { FIRST_PREV, LINE_LIMIT_BYTES, LineError, lineHash, readLine } from "./line.ts";
import { CompactRange } from "./merkle/compact-range.ts";
import { openNote } from "./signed-note.ts";
import { createSigningKeyPem, readSigningKey } from "./signing-key.ts";
import { EMPTY_STATE, Stream, type StreamState } from "./stream.ts";
import { parseVerifierKey } from "./verifier-key.ts";

const KEY = readSigningKey(createSigningKeyPem(), "gateway.example/one");
const VERIFIER = parseVerifierKey(KEY.verifierKey);
/** 2026-11-22T13:44:17.123456Z */
const START_US = 1_795_355_057_123_456;

/** A stream whose clock shows these times, the last one from then on. */
function streamAt(
  times: readonly number[],
  sign: "checkpoint" | "entry" = "checkpoint",
  state: StreamState = EMPTY_STATE(),
): Stream {
  const left = [...times];
  let now = START_US;
  return new Stream(state, { key: KEY, sign, nowUs: () => (now = left.shift() ?? now) });
}

/** The line without its LF, which must be there. */
function bare(line: Buffer): Buffer {
  expect(line.at(-1)).toBe(0x0a);
  expect(line.indexOf(0x0a)).toBe(line.length - 1);
  return line.subarray(0, -1);
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return "sealed";
  } catch (error) {
    if (error instanceof LineError) return error.code;
    throw error;
  }
}

describe("a stream", () => {
  test("seals lines as the format says, byte for byte", () => {
    const stream = streamAt([START_US]);
    const first = bare(stream.seal('"kind":"decision","n":1'));
    const head = stream.head;
    expect(first.toString()).toBe(
      `{"ts":"2026-11-22T13:44:17.123456Z","seq":0,"kind":"decision","n":1,"prev":"${FIRST_PREV}","hash":"${head}"}`,
    );
    const second = bare(stream.seal('"kind":"close"'));
    expect(second.toString()).toBe(
      `{"ts":"2026-11-22T13:44:17.123456Z","seq":1,"kind":"close","prev":"${head}","hash":"${stream.head}"}`,
    );
    expect([lineHash(first), lineHash(second)]).toEqual([head, stream.head]);
  });

  test("chains lines and grows the tree over them, whatever the members are", () => {
    const texts = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(texts, fc.constantFrom("checkpoint", "entry"), (values, sign) => {
        const stream = streamAt([START_US], sign);
        const tree = CompactRange.empty();
        let prev = FIRST_PREV;
        for (const [seq, text] of values.entries()) {
          const bytes = bare(stream.seal(`"kind":"decision","text":${JSON.stringify(text)}`));
          const line = readLine(bytes);
          expect(line).toMatchObject({ seq, prev, hash: lineHash(bytes), value: { text } });
          tree.append(leafHash(bytes));
          prev = line.hash;
        }
        expect(stream.head).toBe(prev);
        expect(stream.nextSeq).toBe(values.length);
        expect(stream.tree.root()).toEqual(tree.root());
        expect(stream.tree.frontier()).toEqual(tree.frontier());
      }),
      { numRuns: 40 },
    );
  });

  test("signs every line when asked to, over everything before the signature", () => {
    const stream = streamAt([START_US], "entry");
    const bytes = bare(stream.seal('"kind":"decision","n":1'));
    const { signature, signedBytes } = readLine(bytes);
    expect(VERIFIER.verifyBytes(bytes.subarray(0, signedBytes), signature ?? "")).toBe(true);
    expect(readLine(bare(stream.sealCheckpoint().line)).signature).toBeDefined();
  });

  test("gives out lines of their own: the next one does not change them", () => {
    const stream = streamAt([START_US]);
    const first = stream.seal('"kind":"decision","n":1');
    const copy = Buffer.from(first);
    stream.seal('"kind":"decision","n":"another, and longer than the first"');
    expect(first).toEqual(copy);
  });

  test("goes on from its state as if it had never stopped", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (before, after) => {
        const whole = streamAt([START_US]);
        const seal = (stream: Stream): Buffer => stream.seal('"kind":"decision"');
        for (let count = 0; count < before; count += 1) seal(whole);
        const { state } = whole;
        const copy = structuredClone(state);
        const resumed = streamAt([START_US], "checkpoint", state);
        for (let count = 0; count < after; count += 1) expect(seal(resumed)).toEqual(seal(whole));
        expect(resumed.state).toEqual(whole.state);
        expect(state.tree.frontier.map((hash) => Buffer.from(hash))).toEqual(
          copy.tree.frontier.map((hash) => Buffer.from(hash)),
        );
      }),
    );
  });

  test("is not made of a chain and a tree of different lengths", () => {
    expect(() => streamAt([START_US], "entry", { ...EMPTY_STATE(), nextSeq: 1 })).toThrow(
      RangeError,
    );
  });
});

describe("the time of a line", () => {
  test("never goes back: behind the line before, it repeats that time and says by how much", () => {
    const stream = streamAt([START_US, START_US - 5_000_001, START_US, START_US + 1]);
    const lines = [1, 2, 3, 4].map((n) =>
      readLine(bare(stream.seal(`"kind":"decision","n":${n}`))),
    );
    const times = ["17.123456Z", "17.123456Z", "17.123456Z", "17.123457Z"];
    expect(lines.map((line) => line.ts.slice(-10))).toEqual(times);
    const behind = lines.map((line) => line.value["clock_behind_us"]);
    expect(behind).toEqual([undefined, 5_000_001, undefined, undefined]);
    expect(Object.keys(lines[1]?.value ?? {})).toEqual([
      "ts",
      "seq",
      "kind",
      "clock_behind_us",
      "n",
      "prev",
      "hash",
    ]);
  });

  test("says it is behind directly behind a kind that has no other members", () => {
    const stream = streamAt([START_US, START_US - 1]);
    stream.seal('"kind":"open"');
    expect(stream.seal('"kind":"close"').toString()).toContain(
      '"kind":"close","clock_behind_us":1,"prev":',
    );
  });

  test("is that of the clock to the microsecond, in UTC", () => {
    const times = fc.array(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), { minLength: 1 });
    fc.assert(
      fc.property(times, (unordered) => {
        const ordered = unordered.sort((one, other) => one - other);
        const stream = streamAt(ordered);
        for (const us of ordered) {
          const { ts } = readLine(bare(stream.seal('"kind":"decision"')));
          const milliseconds = new Date(Math.floor(us / 1_000)).toISOString().slice(0, -1);
          expect(ts).toBe(`${milliseconds}${String(us % 1_000).padStart(3, "0")}Z`);
        }
      }),
    );
  });
});

describe("a line that cannot be", () => {
  const fitting = (stream: Stream): number =>
    LINE_LIMIT_BYTES - streamAt([], "checkpoint", stream.state).seal('"kind":"k","n":""').length;

  test.each([
    ["one byte too long", (rest: number) => "x".repeat(rest + 1), "line.too_long"],
    [
      "too long in bytes, not in letters",
      (rest: number) => "\u20ac".repeat(rest / 2),
      "line.too_long",
    ],
    ["far too long", () => "x".repeat(10 * LINE_LIMIT_BYTES), "line.too_long"],
    ["as long as the limit, in three bytes each", () => "\u20ac".repeat(65_000), "line.too_long"],
  ])("is refused when it is %s, and the stream stands where it stood", (_, text, code) => {
    const stream = streamAt([START_US]);
    stream.seal('"kind":"decision"');
    const before = stream.state;
    expect(codeOf(() => stream.seal(`"kind":"k","n":"${text(fitting(stream))}"`))).toBe(code);
    expect(stream.state).toEqual(before);
    expect(readLine(bare(stream.seal('"kind":"decision"')))).toMatchObject({
      seq: 1,
      prev: before.head,
    });
  });

  test("is sealed at exactly the limit", () => {
    const stream = streamAt([START_US]);
    const line = stream.seal(`"kind":"k","n":"${"x".repeat(fitting(stream))}"`);
    expect(line).toHaveLength(LINE_LIMIT_BYTES);
    expect(readLine(bare(line)).seq).toBe(0);
  });

  test.each(["", '"n":1', '{"kind":"decision"}', "kind"])(
    "is refused with the members %j",
    (members) => {
      const stream = streamAt([START_US]);
      expect(codeOf(() => stream.seal(members))).toBe("line.malformed");
      expect(stream.state).toEqual(EMPTY_STATE());
    },
  );
});

describe("a checkpoint of a stream", () => {
  test("is a signed note of the tree before its line, and the line holds the same note", () => {
    const stream = streamAt([START_US]);
    for (let n = 0; n < 5; n += 1) stream.seal(`"kind":"decision","n":${n}`);
    const before = { size: 5, root: stream.tree.root(), chain: stream.head };
    const { line, note, size } = stream.sealCheckpoint();
    const { text, verified } = openNote(note, [VERIFIER]);
    expect(verified).toEqual([KEY.origin]);
    expect(parseCheckpoint(text)).toEqual({ origin: KEY.origin, ...before });
    expect(size).toBe(5);
    expect(readLine(bare(line))).toMatchObject({ seq: 5, kind: "checkpoint", value: { note } });
    expect(stream.nextSeq).toBe(6);
  });

  test("of a stream without lines names the empty tree", () => {
    const { note } = streamAt([START_US]).sealCheckpoint();
    const { size, root, chain } = parseCheckpoint(openNote(note, [VERIFIER]).text);
    expect([size, root, chain]).toEqual([0, CompactRange.empty().root(), FIRST_PREV]);
  });
});
