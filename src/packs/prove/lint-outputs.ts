/** What lint says of outputs: whom an allow lets in, and whether a deny still keeps anyone out. */
import type { Output } from "../pack.ts";
import { FALSE, TRUE, type Edge } from "./diagram.ts";
import type { LintFinding } from "./lint-finding.ts";
import { withoutIdentity } from "./no-identity.ts";
import type { PackProof, Shown } from "./pack-proof.ts";
import { partsInUse } from "./reachable-parts.ts";
import type { Found } from "./request-search.ts";

type FoundRequest = Exclude<Found<Shown>, { kind: "never" }>;

export class OutputLint {
  readonly #proof: PackProof;
  readonly #withoutIdentity: Edge;
  readonly #bits: ReadonlySet<string>;
  readonly #byTrigger = new Map<Edge, readonly Output[]>();

  constructor(proof: PackProof) {
    this.#proof = proof;
    this.#withoutIdentity = withoutIdentity(proof.model);
    this.#bits = partsInUse(proof.pack).bits;
  }

  /** Everything about the output of this place. */
  findingsOf(place: number, output: Output): LintFinding[] {
    const isAlive = this.#proof.mayDecide(place, TRUE);
    const same = this.#sameTrigger(output);
    if (output.effect === "deny") return [...this.#ofDeny(place, output, isAlive), ...same];
    if (isAlive) return [...this.#ofAllow(place, output), ...same];
    return [deadAllow(output, this.#proof.of.firesAt(place)), ...same];
  }

  #ofAllow(place: number, output: Output): LintFinding[] {
    return [...this.#openAllow(place, output), ...this.#unconditionalAllow(place, output)];
  }

  #openAllow(place: number, output: Output): LintFinding[] {
    const found = this.#proof.showDecided(place, this.#withoutIdentity);
    if (found.kind === "never") return [];
    const when = this.#isOnlyInPanic(place) ? ", while system.panic_mode is true" : "";
    const message = `${output.id} lets in callers about whom nothing was proved${when}`;
    return [findingOf("lint.open_allow", output, { message, found, severity: "grave" })];
  }

  #isOnlyInPanic(place: number): boolean {
    const { model, diagrams } = this.#proof;
    const panic = model.booleans.get("system.panic_mode");
    if (!panic) return false;
    const calm = diagrams.and(this.#withoutIdentity, diagrams.not(panic.itself.holds));
    return !this.#proof.mayDecide(place, calm);
  }

  #unconditionalAllow(place: number, output: Output): LintFinding[] {
    const { of } = this.#proof;
    const { trigger } = output;
    if (of.whereTrigger(output, true) === TRUE) {
      const found = this.#proof.showDecided(place, TRUE);
      const why = `${trigger.of.id} is ${trigger.negated ? "false" : "true"} for every request`;
      const message = `${output.id} lets in every request that no output before it decides: ${why}`;
      return found.kind === "never"
        ? []
        : [findingOf("lint.unconditional_allow", output, { message, found, severity: "grave" })];
    }
    // Wires have no NOT: what is not negated is true only when some bit is, or whatever the bits are.
    if (!trigger.negated) return [];
    const found = this.#proof.showDecided(place, TRUE, (values) => this.#trueBit(values));
    if (found.kind === "never") return [];
    const message = `${output.id} lets in requests for which not a single bit is true`;
    return [findingOf("lint.unconditional_allow", output, { message, found, severity: "grave" })];
  }

  /** What a request must be that this one is not: without some bit that is true. */
  #trueBit(values: Uint8Array): Edge | undefined {
    const { diagrams, of } = this.#proof;
    for (const id of this.#bits) {
      const isTrue = of.where(id, true);
      if (diagrams.has(isTrue, values)) return diagrams.not(isTrue);
    }
    return undefined;
  }

  #ofDeny(place: number, output: Output, isAlive: boolean): LintFinding[] {
    const { of } = this.#proof;
    const fires = of.firesAt(place);
    if (fires === FALSE) {
      const { negated, of: part } = output.trigger;
      const message = `${output.id} can never fire: ${part.id} is ${negated ? "true" : "false"} for every request`;
      return [findingOf("lint.dead_output", output, { message, severity: "grave" })];
    }
    const hidden = this.#hiding(place, output, !isAlive);
    if (!isAlive) return [deadDeny(output, hidden)];
    if (!hidden) return [];
    const { found, allow } = hidden;
    const message = `${allow.id}, which stands before it, lets in requests that ${output.id} would refuse`;
    return [findingOf("lint.hidden_deny", output, { message, found, severity: "notice" })];
  }

  /** An allow that decides some request on which the deny would fire, and that request; the nearest that can be shown. */
  #hiding(
    place: number,
    deny: Output,
    isGrave: boolean,
  ): { allow: Output; found: FoundRequest } | undefined {
    let possible: { allow: Output; found: FoundRequest } | undefined;
    for (let before = place - 1; before >= 0; before--) {
      const allow = this.#proof.pack.outputs[before];
      if (allow?.effect !== "allow") continue;
      const found = this.#proof.showHidden(before, deny, isGrave);
      if (found.kind === "shown") return { allow, found };
      if (found.kind === "possible") possible ??= { allow, found };
    }
    return possible;
  }

  #sameTrigger(output: Output): LintFinding[] {
    const { of } = this.#proof;
    const isTrue = of.whereTrigger(output, true);
    const before = this.#byTrigger.get(isTrue) ?? [];
    this.#byTrigger.set(isTrue, [...before, output]);
    // What is the same for every request is told as such.
    if (isTrue === TRUE || isTrue === FALSE) return [];
    const first = before.find(
      (each) => of.whereTrigger(each, false) === of.whereTrigger(output, false),
    );
    if (!first) return [];
    const message = `${output.id} has the same trigger as ${first.id}: it is true and false for the same requests`;
    return [findingOf("lint.same_trigger", output, { message, severity: "notice" })];
  }
}

function deadAllow(output: Output, fires: Edge): LintFinding {
  const message =
    fires === FALSE
      ? `${output.id} can never fire: its trigger is true for no request`
      : `${output.id} can never decide: outputs before it decide all its requests`;
  return findingOf("lint.dead_output", output, { message, severity: "notice" });
}

/** Grave only when someone gets in: a deny whose requests other denies refuse first keeps nobody out less. */
function deadDeny(
  output: Output,
  hidden: { allow: Output; found: FoundRequest } | undefined,
): LintFinding {
  if (!hidden) {
    const message = `${output.id} can never decide: denies before it refuse all its requests`;
    return findingOf("lint.dead_output", output, { message, severity: "notice" });
  }
  const { allow, found } = hidden;
  const message = `${output.id} can never decide: outputs before it decide all its requests, and ${allow.id} lets some of them in`;
  return findingOf("lint.dead_output", output, { message, found, severity: "grave" });
}

interface Told {
  readonly message: string;
  readonly severity: LintFinding["severity"];
  readonly found?: FoundRequest;
}

function findingOf(
  code: LintFinding["code"],
  { id, line }: Output,
  { message, severity, found }: Told,
): LintFinding {
  const told = { code, subject: id, severity, line };
  if (found === undefined) return { ...told, message };
  if (found.kind === "shown") return { ...told, message, example: found.shown.example };
  return {
    ...told,
    message: `${message} (as far as can be proven: no request could be made that shows it)`,
  };
}
