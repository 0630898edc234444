/**
 * What a constitution decided, as members of a ledger line. Most of it never changes for one decision of one pack and is
 * written once; it must never hold a name in clear where names are hidden.
 */
import type { Governed, PackName } from "../../pipeline/facts.ts";
import { escapeJsonText, nameText } from "../../telemetry/json-text.ts";

/** A name as the record may show it: in clear, or hidden behind its salt. Undefined where names stand in clear. */
export type HideName = ((name: string) => string) | undefined;

/**
 * Names of a chain that are written; of a longer one the last of them is the chain's own last. A pack nests its wires as
 * it likes, and a line that grows too long would be no line at all: the request could not be recorded.
 */
const CHAIN_LIMIT_NAMES = 64;

/** The one field that names a person: who an edge says it is. */
const USER = "user.id";

type Seen = Governed["seen"];

/** What stays the same each time a pack decides in the same way, and from which it was written. */
interface Written {
  readonly of: Pick<Governed, "pack" | "stage" | "output" | "reason" | "wire" | "bitFailed">;
  readonly bitValue: Governed["bitValue"];
  /** Members of the line. */
  readonly members: string;
  /** Members of `policy` in the facts. */
  readonly policy: string;
  /** The whole of `policy` as it was last, with what it was written from: mostly it is the same again. */
  last: { readonly seen: Seen; readonly isPanic: boolean; readonly text: string } | undefined;
}

/** By chain: packs share one for each way of deciding. */
const WRITTEN = new WeakMap<readonly string[], Written>();

/** `,"blake3_pack":...` and the parts of the pack that decided; empty where none did. */
export function packText(governed: Governed | undefined): string {
  return governed === undefined ? "" : writtenOf(governed).members;
}

/** The member `policy` of the facts. */
export function policyText(governed: Governed, hideName: HideName): string {
  const { isPanic, shadow, edge, seen } = governed;
  const written = writtenOf(governed);
  const { last } = written;
  const isPlain = shadow === undefined && edge === undefined && !isHidden(seen, hideName);
  if (isPlain && last !== undefined && last.seen === seen && last.isPanic === isPanic)
    return last.text;
  let text = `,"policy":{${written.policy},"panic":${isPanic}`;
  if (shadow !== undefined)
    text += `,"shadow":{${nameOf(shadow.pack)},"blake3":"b3:${shadow.pack.blake3}","output":"${escapeJsonText(shadow.output)}"}`;
  if (edge !== undefined)
    text += `,"edge":{"decision":"${nameText(edge.decision)}","pack":"${nameText(edge.pack)}"}`;
  text += `${seenText(seen, hideName)}}`;
  if (isPlain) written.last = { seen, isPanic, text };
  return text;
}

function writtenOf(governed: Governed): Written {
  const known = WRITTEN.get(governed.chain);
  if (known !== undefined && isOf(known, governed)) return known;
  const written = write(governed);
  WRITTEN.set(governed.chain, written);
  return written;
}

/** A chain alone does not say everything that is written with it. */
const isOf = ({ of, bitValue }: Written, governed: Governed): boolean =>
  of.pack === governed.pack &&
  of.stage === governed.stage &&
  of.output === governed.output &&
  of.reason === governed.reason &&
  of.wire === governed.wire &&
  of.bitFailed === governed.bitFailed &&
  bitValue === governed.bitValue;

function write({
  pack,
  stage,
  output,
  reason,
  wire,
  bitFailed,
  bitValue,
  chain,
}: Governed): Written {
  const bit = bitFailed === undefined ? "" : `,"bit_failed":"${escapeJsonText(bitFailed)}"`;
  const decided = wire === undefined ? "" : `,"wire":"${escapeJsonText(wire)}"`;
  const names = cut(chain).map((name) => `"${escapeJsonText(name)}"`);
  const value = bitValue === undefined ? "" : `,"bit_value":"${bitValue}"`;
  return {
    of: { pack, stage, output, reason, wire, bitFailed },
    bitValue,
    members: `,"blake3_pack":"b3:${pack.blake3}"${decided}${bit},"chain":[${names.join()}]`,
    last: undefined,
    policy: `${nameOf(pack)},"stage":"${stage}","output":"${escapeJsonText(output)}","reason":"${escapeJsonText(reason)}"${value}`,
  };
}

const nameOf = ({ id, version }: PackName): string =>
  `"id":"${nameText(id)}","version":"${nameText(version)}"`;

const cut = (chain: readonly string[]): readonly string[] =>
  chain.length <= CHAIN_LIMIT_NAMES
    ? chain
    : [...chain.slice(0, CHAIN_LIMIT_NAMES - 1), ...chain.slice(-1)];

/** A hidden name must be made anew when its salt is erased, so a text with one is never kept. */
const isHidden = (seen: Seen, hideName: HideName): boolean =>
  hideName !== undefined && seen[USER] !== undefined;

function seenText(seen: Seen, hideName: HideName): string {
  const members = Object.entries(seen).map(
    ([name, value]) => `"${name}":${valueText(name, value, hideName)}`,
  );
  return members.length === 0 ? "" : `,"seen":{${members.join()}}`;
}

/**
 * What rules compare has to be exact to be decided again. A text that could not stand as it is, is written as the empty
 * one, which no field can be: it was there, and is not on record. A person's name is told as elsewhere.
 */
function valueText(name: string, value: Seen[string], hideName: HideName): string {
  if (typeof value === "object")
    return `[${value.map((one) => `"${escapeJsonText(one)}"`).join()}]`;
  if (typeof value !== "string") return String(value);
  const shown = nameText(value);
  if (name === USER) return `"${hideName ? hideName(value) : shown}"`;
  return shown === escapeJsonText(value) ? `"${shown}"` : '""';
}
