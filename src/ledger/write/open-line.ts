/** The first line of a segment, written and read: what links it to the segment before and lets the tree go on. */
import { decodeBase64 } from "../base64.ts";
import { readLine } from "../line.ts";
import { CompactRange } from "../merkle/compact-range.ts";
import type { StreamState } from "../stream.ts";

export type OpenReason = "start" | "rotation" | "recovery";

/** The segment before. */
export interface PreviousSegment {
  readonly segment: number;
  readonly lines: number;
  /** `b3:...`, the hash of its last line that counts. */
  readonly head: string;
}

/** What of a failed segment does not count. */
export interface SetAside {
  readonly segment: number;
  readonly afterSeq: number;
  readonly bytes: number;
}

export interface OpenMembers {
  readonly segment: number;
  readonly reason: OpenReason;
  readonly gateway: string;
  readonly writer: string;
  readonly publicKey: string;
  readonly previous: PreviousSegment | undefined;
  readonly setAside?: SetAside | undefined;
}

/** What a later start, and retention, need of it. */
export interface OpenLine {
  readonly seq: number;
  readonly ts: string;
  readonly segment: number;
  readonly gateway: string;
  readonly publicKey: string;
  readonly previous: PreviousSegment | undefined;
  /** The segment whose end it says does not count. */
  readonly setAsideSegment: number | undefined;
  readonly tree: { readonly size: number; readonly root: Buffer; readonly frontier: Buffer[] };
}

/** The members of the line that begins a segment where `state` stands. */
export function openMembers(open: OpenMembers, { tree }: StreamState): string {
  const { segment, reason, gateway, writer, previous, setAside } = open;
  const root = CompactRange.restore(tree.size, tree.frontier).root();
  const text = JSON.stringify({
    kind: "open",
    segment,
    reason,
    gateway,
    writer,
    public_key: open.publicKey,
    previous: previous ?? null,
    tree: {
      size: tree.size,
      root: root.toString("base64"),
      frontier: tree.frontier.map((subtree) => Buffer.from(subtree).toString("base64")),
    },
    ...(setAside && {
      set_aside: {
        segment: setAside.segment,
        after_seq: setAside.afterSeq,
        bytes: setAside.bytes,
      },
    }),
  });
  return text.slice(1, -1);
}

/** Throws when the line is no `open` line. */
export function readOpenLine(line: Uint8Array): OpenLine {
  const { seq, ts, kind, value } = readLine(line);
  if (kind !== "open") throw new Error("a segment begins with an open line");
  const tree = value["tree"] as Record<string, unknown> | undefined;
  const frontier = tree?.["frontier"];
  const setAside = value["set_aside"] as { segment?: number } | undefined;
  if (!Array.isArray(frontier)) throw new Error("its open line has no tree");
  return {
    seq,
    ts,
    segment: Number(value["segment"]),
    gateway: String(value["gateway"]),
    publicKey: String(value["public_key"]),
    previous: (value["previous"] as PreviousSegment | null) ?? undefined,
    setAsideSegment: setAside?.segment,
    tree: {
      size: Number(tree?.["size"]),
      root: hashOf(tree?.["root"]),
      frontier: frontier.map(hashOf),
    },
  };
}

function hashOf(text: unknown): Buffer {
  const bytes = decodeBase64(String(text));
  if (bytes === undefined) throw new Error("a hash of its tree is not base64");
  return bytes;
}
