/** Which bits and wires an output leads to, in the order in which a reader meets them. Nothing here asks what they mean. */
import type { Output, Pack, Structure } from "../pack.ts";

export interface Parts {
  readonly bits: ReadonlySet<string>;
  readonly wires: ReadonlySet<string>;
}

/** A pack never changes, and everything that is proven of it begins with its parts. */
const KNOWN = new WeakMap<Pack, Parts>();

/** What the outputs lead to, through wires in wires. */
export function partsInUse(pack: Pack): Parts {
  const parts = KNOWN.get(pack) ?? partsOf(pack);
  KNOWN.set(pack, parts);
  return parts;
}

function partsOf(pack: Pack): Parts {
  const structures = new Map(pack.wires.map(({ id, structure }) => [id, structure]));
  const bits = new Set<string>();
  const wires = new Set<string>();
  // Without recursion, nearest first: wires may lead through many others.
  const open: (Structure | Output["trigger"]["of"])[] = pack.outputs.map(
    ({ trigger }) => trigger.of,
  );
  open.reverse();
  for (let next = open.pop(); next; next = open.pop()) {
    if ("members" in next) {
      const members = next.members.map((member) =>
        member.kind === "structure" ? member.structure : member,
      );
      for (const member of members.reverse()) open.push(member);
    } else if (next.kind === "wire") {
      const structure = structures.get(next.id);
      if (structure && !wires.has(next.id)) open.push(structure);
      wires.add(next.id);
    } else bits.add(next.id);
  }
  return { bits, wires };
}
