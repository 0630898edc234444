/**
 * Finds wires that depend on themselves, and wires through more wires than the evaluator follows. It walks without
 * recursion, because what it looks for is what would exhaust the stack.
 */
import type { Structure } from "../pack.ts";
import type { Findings } from "./findings.ts";
import type { PlacedWire } from "./read-wires.ts";

/** Wires through wires. The evaluator is recursive: raised, a pack can end the process. */
const WIRE_DEPTH_LIMIT = 64;
/** Ids of a loop that are told. */
const SHOWN_IDS = 8;

interface Step {
  readonly wire: PlacedWire;
  readonly open: PlacedWire[];
}

export function refuseWireLoops(wires: readonly PlacedWire[], findings: Findings): void {
  const byId = new Map(wires.map((wire) => [wire.id, wire]));
  const inner = new Map(wires.map((wire) => [wire, wiresIn(wire.structure, byId)]));
  const innerOf = (wire: PlacedWire): readonly PlacedWire[] => inner.get(wire) ?? [];
  const depths = new Map<PlacedWire, number>();
  const path = new Set<PlacedWire>();
  for (const start of wires) {
    const steps: Step[] = depths.has(start) ? [] : [{ wire: start, open: [...innerOf(start)] }];
    if (steps.length > 0) path.add(start);
    for (let step = steps.at(-1); step; step = steps.at(-1)) {
      const next = step.open.pop();
      if (!next) {
        depths.set(step.wire, 1 + deepest(innerOf(step.wire), depths));
        path.delete(step.wire);
        steps.pop();
      } else if (path.has(next)) {
        findings.add(next.origin, loopOf(next, steps));
      } else if (!depths.has(next)) {
        path.add(next);
        steps.push({ wire: next, open: [...innerOf(next)] });
      }
    }
  }
  refuseDepth(depths, findings);
}

function refuseDepth(depths: ReadonlyMap<PlacedWire, number>, findings: Findings): void {
  for (const [{ id, origin }, depth] of depths) {
    // The first that is too deep is enough: every wire above it is so too.
    if (depth !== WIRE_DEPTH_LIMIT + 1) continue;
    const message = `${id} goes through more than ${WIRE_DEPTH_LIMIT} wires`;
    findings.add(origin, { code: "pack.wire_too_deep", message });
  }
}

function deepest(wires: readonly PlacedWire[], depths: ReadonlyMap<PlacedWire, number>): number {
  return wires.reduce((depth, wire) => Math.max(depth, depths.get(wire) ?? 0), 0);
}

function loopOf(
  wire: PlacedWire,
  steps: readonly Step[],
): { code: "pack.wire_cycle"; message: string } {
  const from = steps.findIndex((step) => step.wire === wire);
  const ids = steps.slice(from).map((step) => step.wire.id);
  const shown = ids.length > SHOWN_IDS ? [...ids.slice(0, SHOWN_IDS), "..."] : ids;
  const message = `${wire.id} depends on itself: ${[...shown, wire.id].join(" -> ")}`;
  return { code: "pack.wire_cycle", message };
}

/** Each once. */
function wiresIn(
  structure: Structure,
  byId: ReadonlyMap<string, PlacedWire>,
): readonly PlacedWire[] {
  const found = new Set<PlacedWire>();
  const open: Structure[] = [structure];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const member of next.members) {
      if (member.kind === "structure") open.push(member.structure);
      const wire = member.kind === "wire" ? byId.get(member.id) : undefined;
      if (wire) found.add(wire);
    }
  }
  return [...found];
}
