/** The wires of a pack. All ids are known before the first reference is followed, so that order means nothing. */
import type { Origin } from "../../config/diagnostic.ts";
import type { SourceNode } from "../../config/source-node.ts";
import type { Member, Structure, Wire } from "../pack.ts";
import type { Findings } from "./findings.ts";
import { lineOf } from "./line-of.ts";
import { itemsOf, Mapping, textOf } from "./mapping.ts";
import { takeAtMost } from "./part-limit.ts";
import type { RuleNames } from "./rule-names.ts";
import { refuseWireLoops } from "./wire-loops.ts";

/** Each is evaluated for a request at worst. */
const WIRE_LIMIT = 4_096;

export interface PlacedWire extends Wire {
  readonly origin: Origin;
}

export function readWires(
  nodes: readonly SourceNode[],
  names: RuleNames,
  findings: Findings,
): readonly Wire[] {
  const declared = takeAtMost(nodes, { limit: WIRE_LIMIT, what: "wires" }, findings).flatMap(
    (node) => declareWire(node, names, findings),
  );
  const reader = new StructureReader(names, findings);
  const wires = declared.flatMap(({ id, origin, node }): PlacedWire[] => {
    const structure = node && reader.structure(node);
    return structure ? [{ id, structure, line: lineOf(origin), origin }] : [];
  });
  refuseWireLoops(wires, findings);
  return wires.map(({ id, structure, line }) => ({ id, structure, line }));
}

interface DeclaredWire {
  readonly id: string;
  readonly origin: Origin;
  readonly node: SourceNode | undefined;
}

function declareWire(node: SourceNode, names: RuleNames, findings: Findings): DeclaredWire[] {
  if (findings.isFull) return [];
  const fields = Mapping.of(node, { what: "a wire", required: ["id", "structure"] }, findings);
  const placed = fields?.text("id");
  const id = placed && names.declare("wire", placed);
  return placed && id ? [{ id, origin: placed.origin, node: fields?.node("structure") }] : [];
}

class StructureReader {
  readonly #names: RuleNames;
  readonly #findings: Findings;

  constructor(names: RuleNames, findings: Findings) {
    this.#names = names;
    this.#findings = findings;
  }

  /** Recursive; the depth of the YAML bounds it. */
  structure(node: SourceNode): Structure | undefined {
    const findings = this.#findings;
    const form: FormOf = { what: "a structure", required: [], optional: ["sequence", "parallel"] };
    const fields = Mapping.of(node, form, findings);
    if (!fields) return undefined;
    const sequence = fields.node("sequence");
    const parallel = fields.node("parallel");
    if (sequence && !parallel) {
      const members = this.#members(itemsOf(sequence, "a sequence of ids", findings));
      return { kind: "all", members, form: "sequence" };
    }
    if (parallel && !sequence) return this.#parallel(parallel);
    const message = "a structure is either a sequence or a parallel";
    // Of something else in its place it was said already that it is unknown.
    const isSaid = !sequence && node.kind === "map" && node.entries.size > 0;
    if (!isSaid) findings.add(node.origin, { code: "pack.bad_structure", message });
    return undefined;
  }

  #parallel(node: SourceNode): Structure | undefined {
    const fields = Mapping.of(
      node,
      { what: "a parallel", required: ["policies", "aggregator"] },
      this.#findings,
    );
    const members = this.#members(fields?.items("policies") ?? []);
    const aggregator = fields?.text("aggregator");
    if (!aggregator) return undefined;
    if (aggregator.text === "ANY") return { kind: "any", members, form: "parallel" };
    if (aggregator.text === "ALL") return { kind: "all", members, form: "parallel" };
    const message = "the aggregator is neither ANY nor ALL";
    this.#findings.add(aggregator.origin, { code: "pack.bad_aggregator", message });
    return undefined;
  }

  #members(nodes: readonly SourceNode[]): readonly Member[] {
    return nodes.flatMap((node): Member[] => {
      if (this.#findings.isFull) return [];
      if (node.kind === "map") {
        const structure = this.structure(node);
        return structure ? [{ kind: "structure", structure }] : [];
      }
      const placed = textOf(node, "the id of a bit or a wire", this.#findings);
      const reference = placed && this.#names.resolve(placed);
      return reference ? [reference] : [];
    });
  }
}

interface FormOf {
  readonly what: string;
  readonly required: readonly [];
  readonly optional: readonly ("sequence" | "parallel")[];
}
