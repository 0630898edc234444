/** One pack under proof: its diagrams, and requests that are made from them and tried with the pack's own evaluation. */
import { compilePack, type PackEvaluator } from "../evaluate/evaluator.ts";
import type { Output, Pack } from "../pack.ts";
import type { Assignment, Diagrams, Edge } from "./diagram.ts";
import { exampleOf, RequestMaker, type PackExample } from "./example.ts";
import { PackDiagrams } from "./pack-diagrams.ts";
import { searchRequest, type Found, type Search } from "./request-search.ts";
import { RequestModel } from "./request-model.ts";

/** A request that was tried. */
export interface Shown {
  readonly example: PackExample;
  readonly decider: Output;
}

export class PackProof {
  readonly pack: Pack;
  readonly model: RequestModel;
  readonly of: PackDiagrams;
  readonly #maker: RequestMaker;
  #evaluator: PackEvaluator | undefined;

  /** With the pack's evaluator where there is one already: it is made only when there is something to try. */
  constructor(pack: Pack, evaluator?: PackEvaluator) {
    this.#evaluator = evaluator;
    this.pack = pack;
    this.model = new RequestModel([pack]);
    this.of = new PackDiagrams(pack, this.model);
    this.#maker = new RequestMaker(this.model);
  }

  get diagrams(): Diagrams {
    return this.model.diagrams;
  }

  /** Whether the output of this place decides some request of the function. */
  mayDecide(place: number, within: Edge): boolean {
    return this.#search(place, { within, show: () => true }).kind !== "never";
  }

  /** A request of the function that the output of this place decides, and that is all it must be besides. */
  showDecided(place: number, within: Edge, mustBe?: Search<Shown>["mustBe"]): Found<Shown> {
    const show = (assignment: Assignment): Shown | undefined => this.#try(place, assignment);
    return this.#search(place, { within, show, ...(mustBe && { mustBe }) });
  }

  /**
   * A request of the function that the output of this place decides although the other fires on it too. That it fires is
   * asked of the pack's own evaluation only when `isTraced`, because that is dear; the diagrams say so in any case.
   */
  showHidden(place: number, hidden: Output, isTraced: boolean): Found<Shown> {
    const within = this.of.firesAt(this.pack.outputs.indexOf(hidden));
    const show = (assignment: Assignment): Shown | undefined =>
      this.#try(place, assignment, isTraced ? hidden : undefined);
    return this.#search(place, { within, show });
  }

  #search<T>(
    place: number,
    { within, show, mustBe }: Omit<Search<T>, "mustBe"> & Partial<Pick<Search<T>, "mustBe">>,
  ): Found<T> {
    return searchRequest(this.model, {
      within: this.diagrams.and(within, this.of.firesAt(place)),
      mustBe: (values) => {
        const decider = this.of.deciderOf(values);
        if (decider < place) return this.diagrams.not(this.of.firesAt(decider));
        return mustBe?.(values);
      },
      show,
    });
  }

  #try(place: number, assignment: Assignment, hidden?: Output): Shown | undefined {
    const made = this.#maker.make(assignment);
    const decider = this.pack.outputs[place];
    if (!made || !decider) return undefined;
    this.#evaluator ??= compilePack(this.pack);
    const now = made.nowSeconds ?? 0;
    if (this.#evaluator.decide(made.context, now).output !== decider.id) return undefined;
    const fired = hidden && this.#evaluator.trace(made.context, now).outputs;
    if (fired?.some(({ id, fires }) => id === hidden?.id && !fires)) return undefined;
    return { example: { ...exampleOf(made), output: decider.id }, decider };
  }
}
