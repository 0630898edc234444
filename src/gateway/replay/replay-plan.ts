/**
 * The plan of a route, made ready for replay: the runner walks its steps as ever, but stages that cannot be asked again
 * give their recorded word, and the walk ends where the record does. Nothing is sent, spent, decorated or told.
 */
import type { StageName } from "../../pipeline/facts.ts";
import type { Plan, Step } from "../../pipeline/plan.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import { CONTINUE, type Decision } from "../../pipeline/stage.ts";
import type { RecordedDecision } from "./replay-record.ts";
import {
  BODY_TOO_LARGE,
  recordedWord,
  type Asked,
  type AskedAgain,
  type DecidableStage,
} from "./replay-stages.ts";

/** Where the record ends: behind the stage that decided it, or at one that would need what was never recorded. */
export interface RecordEnd {
  readonly kind: "passes" | "unknown";
  readonly stage: StageName;
}

/** The one request that is being replayed. */
export interface Replaying {
  record: RecordedDecision;
  isOpenRoute: boolean;
  end: RecordEnd | undefined;
  /** Whether the walk was ended there, and by no stage. */
  isStopped: boolean;
  /** Whether authorization was asked again, and not taken as recorded. */
  isAuthorizationAsked: boolean;
}

const STOP: Decision = {
  verdict: "answer",
  response: { status: 204, headers: [], body: Buffer.alloc(0) },
};

/** `replaying` is read at each step; its owner sets it for one request after the other. */
export function replayPlan(
  plan: Plan,
  decidable: readonly DecidableStage[],
  replaying: Replaying,
): Plan {
  const stages = new Map(decidable.map((one) => [one.stage, one]));
  const steps = oneForEachStage(plan);
  const enforced = (stage: StageName): boolean =>
    steps.some((step) => step.stage === stage && step.mode === "enforce");
  const isLeftToConstitution = enforced("limits") && enforced("constitution");
  const head = steps.flatMap((step) => [
    guard(step.stage, replaying),
    ask({ step, isLeftToConstitution }, stages.get(step.stage), replaying),
  ]);
  return { ...plan, head, body: [], response: [], decorate: [], seal: [], end: [] };
}

/** A stage that decides more than once in a request had one word on record; it stands where the stage first does. */
function oneForEachStage({ head, body, response }: Plan): Step[] {
  const steps = new Map<StageName, Step>();
  for (const step of [...head, ...body, ...response])
    if (!steps.has(step.stage)) steps.set(step.stage, step);
  return [...steps.values()];
}

/** Ends the walk where the record has ended. It stands before each step and enforces, whatever that step's mode is. */
function guard(stage: StageName, replaying: Replaying): Step {
  const onHead = (): Decision => {
    if (!replaying.end) return CONTINUE;
    replaying.isStopped = true;
    return STOP;
  };
  return { stage, mode: "enforce", whenBroken: "reject", handlers: { onHead } };
}

function ask(
  asked: Pick<Asked, "step" | "isLeftToConstitution">,
  decidable: DecidableStage | undefined,
  replaying: Replaying,
): Step {
  const { step } = asked;
  const { stage } = step;
  const settle = (said: AskedAgain): Decision => {
    const { record } = replaying;
    const isUpToStage = said !== "as_recorded" || record.code !== BODY_TOO_LARGE;
    if (record.stage === stage && isUpToStage) replaying.end = { kind: "passes", stage };
    if (said === "unknown") replaying.end = { kind: "unknown", stage };
    if (stage === "authorization") replaying.isAuthorizationAsked = said !== "as_recorded";
    if (said === "unknown") return CONTINUE;
    return said === "as_recorded" ? recordedWord(stage, record) : said;
  };
  const onHead = (context: RequestContext): Decision | Promise<Decision> => {
    if (!decidable) return settle("as_recorded");
    const said = decidable.decide({ ...replaying, ...asked, context });
    return said instanceof Promise ? said.then(settle) : settle(said);
  };
  return { ...step, handlers: { onHead } };
}
