/** What lint says of bits and wires: those that nothing uses, and those that say the same of every request. */
import type { Member, Output, Pack, Structure } from "../pack.ts";
import { FALSE, TRUE, type Edge } from "./diagram.ts";
import type { LintFinding } from "./lint-finding.ts";
import type { PackProof } from "./pack-proof.ts";
import { partsInUse } from "./reachable-parts.ts";

export function unusedParts(pack: Pack): LintFinding[] {
  const used = partsInUse(pack);
  const mentioned = mentionedIn(pack);
  const wires = pack.wires
    .filter(({ id }) => !used.wires.has(id))
    .map(({ id, line }): LintFinding => ({
      code: "lint.unused_wire",
      subject: id,
      severity: "notice",
      message: `no output leads to the wire ${id}${hintOf(id, mentioned)}: it decides nothing`,
      line,
    }));
  const bits = pack.bits
    .filter(({ id }) => !used.bits.has(id))
    .map(({ id, line }): LintFinding => ({
      code: "lint.unused_bit",
      subject: id,
      severity: "notice",
      message: `no output leads to the bit ${id}${hintOf(id, mentioned)}: it decides nothing`,
      line,
    }));
  return [...wires, ...bits];
}

const hintOf = (id: string, mentioned: ReadonlySet<string>): string =>
  mentioned.has(id) ? ", only wires that no output leads to" : "";

/** Everything that some wire names. */
function mentionedIn(pack: Pack): Set<string> {
  const ids = new Set<string>();
  const open: Structure[] = pack.wires.map(({ structure }) => structure);
  for (const { members } of open)
    for (const member of members)
      if (member.kind === "structure") open.push(member.structure);
      else ids.add(member.id);
  return ids;
}

/**
 * A bit or wire in use that can never be true, or always is. Where a wire is so only because of its members, they are named and
 * not the wire. It is grave when a deny waits for what can never be true; what an allow lets in without a condition is told of
 * the allow.
 */
export function constantPart(proof: PackProof, id: string, line: number): LintFinding[] {
  const isTrue = proof.of.where(id, true);
  if (isTrue !== TRUE && isTrue !== FALSE) return [];
  const denies = isTrue === FALSE ? denyWaitingFor(proof, id) : undefined;
  if (denies) {
    const message = `${id} can never be true, so ${denies.id} fires only on requests that lack a field: it does not refuse what it is for`;
    return [{ code: "lint.contradiction", subject: id, severity: "grave", message, line }];
  }
  if (followsFromMembers(proof, id, isTrue)) return [];
  return [
    isTrue === TRUE
      ? {
          code: "lint.tautology",
          subject: id,
          severity: "notice",
          message: `${id} is true for every request${isEmpty(proof.pack, id) ? ": its sequence is empty" : ""}`,
          line,
        }
      : {
          code: "lint.contradiction",
          subject: id,
          severity: "notice",
          message: `${id} can never be true, whatever the request`,
          line,
        },
  ];
}

/** A deny that can fire, but never because this is true. One that cannot fire at all is told as such. */
function denyWaitingFor({ pack, of }: PackProof, id: string): Output | undefined {
  return pack.outputs.find(
    ({ effect, trigger }, place) =>
      effect === "deny" && !trigger.negated && trigger.of.id === id && of.firesAt(place) !== FALSE,
  );
}

function isEmpty(pack: Pack, id: string): boolean {
  return pack.wires.some((wire) => wire.id === id && wire.structure.members.length === 0);
}

function followsFromMembers(proof: PackProof, id: string, isTrue: Edge): boolean {
  const structure = proof.pack.wires.find((wire) => wire.id === id)?.structure;
  if (!structure || structure.members.length === 0) return false;
  const isSo = (member: Member): boolean =>
    member.kind !== "structure" && proof.of.where(member.id, true) === isTrue;
  // One false member makes ALL false, one true member makes ANY true; else it takes every one.
  const isOneEnough = (structure.kind === "all") === (isTrue === FALSE);
  return isOneEnough ? structure.members.some(isSo) : structure.members.every(isSo);
}
