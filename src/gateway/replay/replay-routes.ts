/**
 * Where a recorded request would go now. The ledger holds the template that matched, not the path: routes never overlap,
 * so a template that is still served leads to its one route; for any other, what cannot be known is said to be unknown.
 */
import type { Plan } from "../../pipeline/plan.ts";
import type { CompiledRoute } from "../compile-routes.ts";
import type { Generation } from "../gateway.ts";
import {
  mayOverlap,
  PARAMETER_TYPES,
  parseTemplate,
  type ParameterType,
  type PathTemplate,
} from "../path-template.ts";
import { isLiteral } from "./replay-path.ts";

/** A path segment that each type of parameter accepts; `string` accepts what no literal and no other type does. */
const SAMPLES: Readonly<Record<ParameterType, string>> = {
  slug: "a",
  int: "0",
  uuid: "00000000-0000-4000-8000-000000000000",
  string: "~",
};

/** Templates remembered. A ledger that outlived many configurations has a few thousand; beyond, they are found anew. */
const REMEMBERED_TEMPLATES = 10_000;

export type FoundRoute =
  | {
      readonly kind: "plan";
      readonly plan: Plan;
      /** Whether the route asks nobody who they are. */
      readonly isOpen: boolean;
    }
  /** Several routes share the old one's paths: which of them this request took is not on record. */
  | { readonly kind: "unknown" };

export class RecordedRoutes {
  readonly #routes: readonly CompiledRoute[];
  readonly #generation: Generation;
  readonly #known = new Map<string, FoundRoute>();

  constructor(routes: readonly CompiledRoute[], generation: Generation) {
    this.#routes = routes;
    this.#generation = generation;
  }

  /** `template` as recorded; empty for a path that matched nothing, which is taken to match nothing still. */
  find(template: string): FoundRoute {
    const known = this.#known.get(template);
    if (known) return known;
    if (this.#known.size >= REMEMBERED_TEMPLATES) this.#known.clear();
    const found = this.#search(template);
    this.#known.set(template, found);
    return found;
  }

  #search(text: string): FoundRoute {
    const template = parseRecorded(text);
    if (!template) return this.#unmatched();
    const same = this.#routes.find((compiled) => compiled.template.text === text);
    if (same) return this.#planOf(same);
    const meeting = this.#routes.filter((compiled) => mayOverlap(compiled.template, template));
    if (isLiteral(template)) {
      const plan = this.#generation.find(text)?.value;
      const compiled = meeting.find(({ route }) => route === plan?.route);
      return compiled ? this.#planOf(compiled) : this.#unmatched();
    }
    const [only, ...others] = meeting;
    if (!only) return this.#unmatched();
    return others.length === 0 && covers(only.template, template)
      ? this.#planOf(only)
      : { kind: "unknown" };
  }

  #planOf({ template, route, settings }: CompiledRoute): FoundRoute {
    const plan = this.#generation.find(samplePath(template))?.value;
    if (plan?.route !== route)
      throw new Error(`route ${route.id} is not reached by its own template`);
    return { kind: "plan", plan, isOpen: settings.identity === "none" };
  }

  #unmatched(): FoundRoute {
    return { kind: "plan", plan: this.#generation.unmatched, isOpen: false };
  }
}

/** Undefined for what no configuration could have had as a route. */
function parseRecorded(text: string): PathTemplate | undefined {
  try {
    return parseTemplate(text);
  } catch {
    return undefined;
  }
}

/** A path that matches the template. */
function samplePath({ segments, isOpen }: PathTemplate): string {
  const parts = segments.map((segment) =>
    segment.kind === "literal" ? segment.text : SAMPLES[segment.type],
  );
  return `/${[...parts, ...(isOpen ? ["~"] : [])].join("/")}`;
}

/** Whether every path of `narrow` is one of `wide`, as far as their segments tell; errs on the side of no. */
function covers(wide: PathTemplate, narrow: PathTemplate): boolean {
  if (narrow.isOpen && !wide.isOpen) return false;
  const { length } = wide.segments;
  const isDeepEnough = wide.isOpen
    ? narrow.segments.length > length || (narrow.isOpen && narrow.segments.length === length)
    : narrow.segments.length === length;
  return (
    isDeepEnough &&
    wide.segments.every((segment, i) => {
      const other = narrow.segments[i];
      if (segment.kind === "literal")
        return other?.kind === "literal" && other.text === segment.text;
      if (segment.type === "string") return true;
      if (other?.kind === "literal") return PARAMETER_TYPES[segment.type].test(other.text);
      return other?.type === segment.type;
    })
  );
}
