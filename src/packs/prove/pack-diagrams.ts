/** What each bit, wire and trigger of one pack says, as functions of the request; each worked out when it is first asked for. */
import type { Expression, Member, Output, Pack, Structure } from "../pack.ts";
import { junction } from "./answer.ts";
import { TRUE, type Edge } from "./diagram.ts";
import type { RequestModel } from "./request-model.ts";

export class PackDiagrams {
  readonly pack: Pack;
  readonly model: RequestModel;
  readonly #expressions: ReadonlyMap<string, Expression>;
  readonly #structures: ReadonlyMap<string, Structure>;
  readonly #true = new Map<string, Edge>();
  readonly #false = new Map<string, Edge>();
  readonly #fires: (Edge | undefined)[] = [];

  constructor(pack: Pack, model: RequestModel) {
    this.pack = pack;
    this.model = model;
    this.#expressions = new Map(pack.bits.map(({ id, expression }) => [id, expression]));
    this.#structures = new Map(pack.wires.map(({ id, structure }) => [id, structure]));
  }

  /** The requests for which a bit or a wire (they share one name space) is `value`; for all others it is undefined or not. */
  where(id: string, value: boolean): Edge {
    const known = value ? this.#true : this.#false;
    const edge = known.get(id) ?? this.#work(id, value);
    known.set(id, edge);
    return edge;
  }

  whereTrigger({ trigger }: Output, value: boolean): Edge {
    return this.where(trigger.of.id, value !== trigger.negated);
  }

  /**
   * The requests on which the output of this place fires, whatever stands before it. The place after the last is what
   * decides when none fires: it takes every request.
   */
  firesAt(place: number): Edge {
    const output = this.pack.outputs[place];
    if (!output) return TRUE;
    return (this.#fires[place] ??= this.#fired(output));
  }

  /** The place of the output that decides a request. */
  deciderOf(values: Uint8Array): number {
    let place = 0;
    while (!this.model.diagrams.has(this.firesAt(place), values)) place++;
    return place;
  }

  /** An allow needs true; a deny takes undefined too. */
  #fired(output: Output): Edge {
    return output.effect === "allow"
      ? this.whereTrigger(output, true)
      : this.model.diagrams.not(this.whereTrigger(output, false));
  }

  #work(id: string, value: boolean): Edge {
    const expression = this.#expressions.get(id);
    if (expression) return this.model.ask(expression, value);
    return this.#structure(this.#structures.get(id) as Structure, value);
  }

  #structure({ kind, members }: Structure, value: boolean): Edge {
    const sides = members.map((member) => this.#member(member, value));
    return junction(this.model.diagrams, (kind === "all") === value, sides);
  }

  #member(member: Member, value: boolean): Edge {
    return member.kind === "structure"
      ? this.#structure(member.structure, value)
      : this.where(member.id, value);
  }
}
