/** Ways to damage a ledger, each with what a verification must say about it. */
import { checkpointText } from "../checkpoint.ts";
import { hashMemberOf, lineHash } from "../line.ts";
import { signNote } from "../signed-note.ts";
import type { SigningKey } from "../signing-key.ts";
import type { Finding, FindingKind } from "./finding.ts";
import {
  filesOf,
  makeLedger,
  newKey,
  segmentName,
  type LedgerFixture,
} from "./ledger-fixture.test-support.ts";

/** Numbers that a mutation is made of. */
export interface Dice {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export interface Mutated {
  readonly segments: Map<string, Buffer>;
  readonly note?: string | undefined;
  readonly publicKey?: string;
  /** Verifier keys that the auditor brings. */
  readonly pinned?: readonly string[];
  readonly outside?: readonly string[];
  /** One of these, at this line (the first of a range, or within it). */
  readonly expected: { readonly kinds: readonly FindingKind[]; readonly seq?: number };
  /** Kinds that may come besides. */
  readonly besides?: readonly FindingKind[];
}

export interface World {
  readonly sign: "checkpoint" | "entry";
  readonly key: SigningKey;
  readonly other: SigningKey;
  readonly ledger: LedgerFixture;
}

export function makeWorld(sign: "checkpoint" | "entry"): World {
  const key = newKey();
  return {
    sign,
    key,
    other: newKey(),
    ledger: makeLedger({ ...SHAPE, key, sign, noteAt: EVERYWHERE }),
  };
}

/** As small as it can be with every kind of neighbour: each signature costs the property a tenth of a millisecond. */
const SHAPE = { segments: 3, groups: 1, entries: 4 } as const;
const EVERYWHERE = Array.from({ length: 200 }, (_, size) => size);
const BIT = [1, 2, 4, 8, 16, 32, 64, 128] as const;
const LINE_KINDS: readonly FindingKind[] = ["line_altered", "line_torn"];

type Mutation = (world: World, dice: Dice) => Mutated;

const allLines = (ledger: LedgerFixture): Buffer[] => ledger.segments.flat();
const copyOf = (ledger: LedgerFixture): Buffer[][] => ledger.segments.map((lines) => [...lines]);
const pack = (segments: readonly (readonly Buffer[])[]): Map<string, Buffer> =>
  filesOf({ segments });

/** Segment and index of a line. */
function placeOf(ledger: LedgerFixture, seq: number): [number, number] {
  let index = seq;
  for (const [segment, lines] of ledger.segments.entries()) {
    if (index < lines.length) return [segment, index];
    index -= lines.length;
  }
  throw new Error(`no line ${seq}`);
}

const flipAt =
  (change: (byte: number, dice: Dice) => number): Mutation =>
  ({ ledger }, dice) => {
    const segments = copyOf(ledger);
    const seq = dice.a % ledger.size;
    const [segment, index] = placeOf(ledger, seq);
    const line = Buffer.from(segments[segment]?.[index] as Buffer);
    const at = dice.b % line.length;
    line[at] = change(line[at] as number, dice);
    (segments[segment] as Buffer[])[index] = line;
    return {
      segments: pack(segments),
      note: ledger.note,
      expected: { kinds: LINE_KINDS, seq },
      // The last newline of all may take its line with it.
      besides: seq >= ledger.size - 2 ? ["tail_cut"] : [],
    };
  };

/** Any change of one line's text with its own hash made to fit, and, when asked for, all lines after it too. */
function rewritten(ledger: LedgerFixture, seq: number, isRechained: boolean): Buffer[][] {
  const segments = copyOf(ledger);
  let head = "";
  for (const [at, original] of allLines(ledger).entries()) {
    const isTarget = at === seq;
    if (!isTarget && !(isRechained && at > seq)) continue;
    let text = original.subarray(0, -1).toString("utf8");
    if (isTarget)
      text = text
        .replace('"kind":', '"forged":1,"kind":')
        .replace(/("seq":\d+),"forged":1,("kind":"[a-z]+")/, '$1,$2,"forged":1');
    else text = rechained(text, head);
    const unhashed = Buffer.from(text, "utf8");
    head = lineHash(unhashed);
    const line = Buffer.from(`${text.replace(hashMemberOf(unhashed), head)}\n`, "utf8");
    const [segment, index] = placeOf(ledger, at);
    (segments[segment] as Buffer[])[index] = line;
  }
  return segments;
}

/** Only `prev`, and what `open` says of it: a note is left as it was signed. */
const rechained = (text: string, head: string): string =>
  text
    .replace(/"prev":"b3:[0-9a-f]{64}"/, `"prev":"${head}"`)
    .replace(/"head":"b3:[0-9a-f]{64}"/, `"head":"${head}"`);

const forgedLedger = (
  { key, sign }: World,
  dice: Dice,
  forge: (text: string) => string,
  change: boolean,
): Mutated => {
  const sizes: number[] = [];
  makeLedger({ ...SHAPE, key, sign, forge: ({ size }) => void sizes.push(size) });
  const target = sizes[dice.a % sizes.length] as number;
  const forged = makeLedger({
    ...SHAPE,
    key,
    sign,
    forge: (checkpoint) => {
      if (checkpoint.size !== target) return undefined;
      const root = Buffer.from(checkpoint.root);
      if (change) root[dice.b % 32] = (root[dice.b % 32] as number) ^ 1;
      return forge(checkpointText({ ...checkpoint, root }));
    },
  });
  return {
    segments: filesOf(forged),
    note: forged.note,
    expected: { kinds: [change ? "checkpoint_mismatch" : "checkpoint_forged"], seq: target },
  };
};

/** The same stream up to a line, and another from there on: with the right key, signed in order. */
function forkAt({ key, sign }: World, seq: number, segments: number): LedgerFixture {
  return makeLedger({
    ...SHAPE,
    key,
    sign,
    segments,
    members: (at) => memberText(at, at >= seq ? "allow" : undefined),
  });
}

const memberText = (seq: number, decision = seq % 3 === 0 ? "deny" : "allow"): string =>
  `"kind":"decision","request_id":"r-${seq}","path":"/{model}/predict","caller":"münze","decision":"${decision}","status":200`;

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "a bit flipped": flipAt((byte, { c }) => byte ^ (BIT[c % 8] as number)),
  "a byte replaced": flipAt((byte, { c }) => (byte + 1 + (c % 255)) % 256),
  "a newline put in": flipAt((byte) => (byte === 10 ? 13 : 10)),
  "two lines swapped": ({ ledger }, { a, b }) => {
    const segments = copyOf(ledger);
    const one = a % ledger.size;
    const other = (one + 1 + (b % (ledger.size - 1))) % ledger.size;
    const [s1, i1] = placeOf(ledger, one);
    const [s2, i2] = placeOf(ledger, other);
    const kept = segments[s1]?.[i1] as Buffer;
    (segments[s1] as Buffer[])[i1] = segments[s2]?.[i2] as Buffer;
    (segments[s2] as Buffer[])[i2] = kept;
    return {
      segments: pack(segments),
      note: ledger.note,
      expected: { kinds: ["line_moved"] },
      // Two first lines of segments.
      besides: ["segment_renamed"],
    };
  },
  "lines dropped": ({ ledger }, { a, b }) => {
    const segments = copyOf(ledger);
    const seq = a % ledger.size;
    const [segment, index] = placeOf(ledger, seq);
    const gone = segments[segment]?.splice(index, 1 + (b % 3)).length ?? 0;
    const isTail = seq + gone === ledger.size;
    return {
      segments: pack(segments),
      note: ledger.note,
      expected: { kinds: [isTail ? "tail_cut" : "line_missing"], seq },
      besides: isTail ? ["tail_unsigned"] : [],
    };
  },
  "a line doubled": ({ ledger }, { a }) => {
    const segments = copyOf(ledger);
    const seq = a % ledger.size;
    const [segment, index] = placeOf(ledger, seq);
    segments[segment]?.splice(index, 0, segments[segment]?.[index] as Buffer);
    return {
      segments: pack(segments),
      note: ledger.note,
      expected: { kinds: ["line_repeated"], seq },
    };
  },
  "a line repeated elsewhere": ({ ledger }, { a, b, c }) => {
    const segments = copyOf(ledger);
    const seq = a % ledger.size;
    const [segment, index] = placeOf(ledger, seq);
    const target = segments[b % segments.length] as Buffer[];
    target.splice(c % (target.length + 1), 0, ledger.segments[segment]?.[index] as Buffer);
    return {
      segments: pack(segments),
      note: ledger.note,
      // The first line of a segment at the beginning of the last makes that file another of its own.
      expected: { kinds: ["line_repeated", "segment_repeated"], seq },
      // And one at the end of the segment before has its right number there, but not its right file.
      besides: ["tail_cut", "tail_unsigned", "bookkeeping_wrong"],
    };
  },
  "lines reordered": ({ ledger }, { a, b }) => {
    const segments = copyOf(ledger);
    const target = segments[a % segments.length] as Buffer[];
    const start = b % (target.length - 2);
    const window = target.slice(start, start + 3 + (a % 4));
    target.splice(start, window.length, ...window.reverse());
    return { segments: pack(segments), note: ledger.note, expected: { kinds: ["line_moved"] } };
  },
  "a line moved between segments": ({ ledger }, { a, b, c }) => {
    const segments = copyOf(ledger);
    const seq = a % ledger.size;
    const [segment, index] = placeOf(ledger, seq);
    const to = (segment + 1 + (b % (segments.length - 1))) % segments.length;
    const target = segments[to] as Buffer[];
    const [line] = (segments[segment] as Buffer[]).splice(index, 1) as [Buffer];
    // Not to the edge, where it would stand in its place again, nor where either of two lines may be the moved one.
    target.splice(2 + (c % (target.length - 2)), 0, line);
    return {
      segments: pack(segments),
      note: ledger.note,
      expected: { kinds: ["line_moved"], seq },
    };
  },
  "a segment removed": ({ ledger }, { a }) => {
    const files = filesOf(ledger);
    const segment = a % ledger.segments.length;
    files.delete(segmentName(segment));
    const before = ledger.segments.slice(0, segment).flat().length;
    const isLast = segment === ledger.segments.length - 1;
    return {
      segments: files,
      note: ledger.note,
      expected: { kinds: [isLast ? "tail_cut" : "segment_missing"], seq: before },
      besides: ["tail_unsigned"],
    };
  },
  "a segment duplicated": ({ ledger }, { a, b }) => {
    const files = filesOf(ledger);
    const segment = a % ledger.segments.length;
    const bytes = files.get(segmentName(segment)) as Buffer;
    files.set(segmentName(ledger.segments.length + (b % 5)), bytes);
    return { segments: files, note: ledger.note, expected: { kinds: ["segment_repeated"] } };
  },
  "the names of two segments exchanged": ({ ledger }, { a }) => {
    const files = filesOf(ledger);
    const one = segmentName(a % 3);
    const other = segmentName((a + 1) % 3);
    const kept = files.get(one) as Buffer;
    files.set(one, files.get(other) as Buffer).set(other, kept);
    return { segments: files, note: ledger.note, expected: { kinds: ["segment_renamed"] } };
  },
  "the tail cut, with a checkpoint outside": ({ ledger }, { a, b }) => {
    const size = 1 + (a % (ledger.size - 1));
    const segments = copyOf(ledger);
    const [segment, index] = placeOf(ledger, size);
    segments.splice(segment + (index > 0 ? 1 : 0));
    if (index > 0) segments[segment]?.splice(index);
    return {
      segments: pack(segments),
      // Whoever cuts the tail does not leave the newest checkpoint beside it.
      note: b % 2 === 0 ? undefined : ledger.notes.get(size),
      outside: [ledger.note],
      expected: { kinds: ["tail_cut"], seq: size },
      besides: ["tail_unsigned"],
    };
  },
  "the tail cut in the midst of a line": ({ ledger }, { a, b }) => {
    const size = a % ledger.size;
    const segments = copyOf(ledger);
    const [segment, index] = placeOf(ledger, size);
    segments.splice(segment + 1);
    const line = segments[segment]?.[index] as Buffer;
    segments[segment]?.splice(index, Infinity, line.subarray(0, 1 + (b % (line.length - 1))));
    return {
      segments: pack(segments),
      outside: [ledger.note],
      expected: { kinds: ["line_torn"], seq: size },
      besides: ["tail_cut", "tail_unsigned"],
    };
  },
  "another continuation, signed with the right key": (world, { a, b, c }) => {
    const { ledger } = world;
    const entries = allLines(ledger).flatMap((line, seq) => {
      const text = line.toString();
      return text.includes('"kind":"decision"') && text.includes('"deny"') ? [seq] : [];
    });
    const from = entries[a % entries.length] as number;
    const forked = forkAt(world, from, 3 + (b % 2));
    const size = from + 1 + (c % (ledger.size - from));
    return {
      segments: filesOf(forked),
      note: forked.note,
      outside: [ledger.notes.get(size) as string, ledger.notes.get(1 + (c % from)) as string],
      expected: { kinds: ["fork"], seq: from },
    };
  },
  "another continuation that is shorter": (world, { a }) => {
    const { ledger } = world;
    const forked = forkAt(world, 3, 1 + (a % 2));
    return {
      segments: filesOf(forked),
      note: forked.note,
      outside: [ledger.note],
      expected: { kinds: ["tail_cut"], seq: forked.size },
    };
  },
  "a checkpoint signed by another key": (world, dice) =>
    forgedLedger(world, dice, (text) => signNote(text, world.other.signer), false),
  "a checkpoint signed by another key under the right key's id": (world, dice) =>
    forgedLedger(
      world,
      dice,
      (text) => signNote(text, { ...world.other.signer, keyId: world.key.signer.keyId }),
      false,
    ),
  "a checkpoint of another root, signed by the right key": (world, dice) =>
    forgedLedger(world, dice, (text) => signNote(text, world.key.signer), true),
  "the file checkpoint changed": ({ ledger }, { a, b }) => {
    const note = Buffer.from(ledger.note);
    const at = a % note.length;
    note[at] = (note[at] as number) ^ (BIT[b % 7] as number);
    return {
      segments: filesOf(ledger),
      note: note.toString("latin1"),
      expected: { kinds: ["checkpoint_forged"] },
    };
  },
  "the whole history made again with another key": ({ ledger, key, other, sign }, { a }) => {
    const made = makeLedger({ ...SHAPE, key: other, sign });
    return {
      segments: filesOf(made),
      note: made.note,
      publicKey: other.verifierKey,
      ...(a % 2 === 0 ? { pinned: [key.verifierKey] } : { outside: [ledger.note] }),
      expected: { kinds: ["key_mismatch"] },
      besides: ["checkpoint_forged", "tail_unsigned"],
    };
  },
  "a line rewritten with its hash": ({ ledger, sign }, { a }) => {
    const seq = a % ledger.size;
    const isLast = seq === ledger.size - 1;
    const kind = isLast ? "checkpoint_mismatch" : "chain_broken";
    const at = isLast ? { seq: ledger.size - 1 } : { seq: seq + 1 };
    return {
      segments: pack(rewritten(ledger, seq, false)),
      note: ledger.note,
      expected:
        sign === "entry" && !isLast && !isStructure(ledger, seq)
          ? { kinds: ["signature_wrong"], seq }
          : { kinds: [kind], ...(isLast ? {} : at) },
      besides: ["chain_broken", "signature_wrong", "checkpoint_mismatch"],
    };
  },
  "a line rewritten and all after it chained again": ({ ledger }, { a }) => {
    const seq = a % ledger.size;
    return {
      segments: pack(rewritten(ledger, seq, true)),
      note: ledger.note,
      expected: { kinds: ["checkpoint_mismatch"] },
      besides: ["signature_wrong", "bookkeeping_wrong", "tail_unsigned"],
    };
  },
  "a line that never was one put in": ({ ledger }, { a, b, c }) => {
    const segments = copyOf(ledger);
    const seq = a % ledger.size;
    const [segment, index] = placeOf(ledger, seq);
    const texts = ["{}", "", "null", '{"seq":1}', "x".repeat(b % 90_000)];
    segments[segment]?.splice(index, 0, Buffer.from(`${texts[c % texts.length]}\n`));
    return {
      segments: pack(segments),
      note: ledger.note,
      expected: { kinds: ["not_a_line", "line_too_long"], seq },
    };
  },
};

function isStructure(ledger: LedgerFixture, seq: number): boolean {
  return /"kind":"(checkpoint|close)"/.test(String(allLines(ledger)[seq]));
}

/** Whether a finding is what was expected, where it was. */
export function isNamed(findings: readonly Finding[], { expected }: Mutated): boolean {
  return findings.some(({ kind, seq = -1, lastSeq = seq }) => {
    const isThere = expected.seq === undefined || (seq <= expected.seq && expected.seq <= lastSeq);
    return expected.kinds.includes(kind) && isThere;
  });
}
