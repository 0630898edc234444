/** The fact of this stage: which pack decided what, by which of its parts, and what it saw. */
import type { ConstitutionVerdict } from "../../packs/life/serving.ts";
import type { Governed } from "../../pipeline/facts.ts";
import type { EdgeDivergence } from "./edge-facts.ts";
import type { Sight } from "./pack-context.ts";

/** Recorded as the reason while the pack's time is over: then it is not its rules that deny. */
const EXPIRED = "pack_expired";

const NO_PARTS: readonly string[] = [];

/** One object, made in one piece: this runs for every request. */
export class Governance implements Governed {
  readonly pack: Governed["pack"];
  readonly stage: Governed["stage"];
  readonly effect: Governed["effect"];
  readonly output: string;
  readonly reason: string;
  readonly wire: string | undefined;
  readonly bitFailed: string | undefined;
  readonly bitValue: Governed["bitValue"];
  readonly chain: readonly string[];
  readonly evaluationSeconds: number;
  readonly isPanic: boolean;
  readonly seen: Governed["seen"];
  declare readonly shadow?: NonNullable<Governed["shadow"]>;
  declare readonly edge?: NonNullable<Governed["edge"]>;

  constructor(
    { decision, pack, stage, shadow, isExpired }: ConstitutionVerdict,
    sight: Sight,
    { evaluationSeconds, edge }: { evaluationSeconds: number; edge: EdgeDivergence | undefined },
  ) {
    this.pack = pack;
    this.stage = stage;
    this.effect = isExpired ? "deny" : decision.effect;
    this.output = isExpired ? "default_deny" : decision.output;
    this.reason = isExpired ? EXPIRED : decision.reason;
    this.wire = isExpired ? undefined : decision.wire;
    this.bitFailed = isExpired ? undefined : decision.bitFailed;
    this.bitValue = isExpired ? undefined : decision.bitValue;
    this.chain = isExpired ? NO_PARTS : decision.chain;
    this.evaluationSeconds = evaluationSeconds;
    this.isPanic = sight.isPanic;
    this.seen = sight.seen;
    if (shadow)
      this.shadow = {
        pack: shadow.pack,
        output: shadow.decision.output,
        effect: shadow.decision.effect,
      };
    if (edge) this.edge = edge;
  }
}
