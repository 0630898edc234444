/**
 * The poster: the stages in their order. Each line says why it stands where it stands; moving one is a security decision.
 */
import type { Clock, PreparedStage } from "../pipeline/stage.ts";
import { authorization } from "../stages/authorization/stage.ts";
import { constitution, type ConstitutionTools } from "../stages/constitution/stage.ts";
import { contract } from "../stages/contract/stage.ts";
import { headers } from "../stages/headers/stage.ts";
import { identity, type IdentityTools } from "../stages/identity/stage.ts";
import { killedCallers } from "../stages/kill-switch/killed-callers.ts";
import { killSwitch, type KillSwitchTools } from "../stages/kill-switch/stage.ts";
import { limits } from "../stages/limits/stage.ts";
import { masking } from "../stages/masking/stage.ts";
import { extraction } from "../stages/sources/extraction/stage.ts";
import type { SourceMemory } from "../stages/sources/source-memory.ts";
import { sources } from "../stages/sources/stage.ts";
import type { WafTools } from "../stages/waf/stage.ts";
import type { LimitStore } from "../stores/limits/limit-store.ts";
import type { StageConfigs } from "./stage-configs.ts";

export interface StageTools extends Omit<IdentityTools, "previous"> {
  readonly clock: Clock;
  readonly limitStore: LimitStore;
  /** What is remembered of addresses and of callers' inputs; outlives configurations. */
  readonly sources: SourceMemory;
  /** Outlives configurations. Undefined for tools that only look at one: then no switch is on. */
  readonly killSwitches?: KillSwitchTools["killSwitches"];
  /** The packs that decide at this moment, for switches that shut one of them. */
  readonly activePolicies?: KillSwitchTools["activePolicies"];
  /** The packs that decide; undefined when the configuration has no constitution. */
  readonly governing: Pick<ConstitutionTools, "constitution" | "breakGlass"> | undefined;
  /** Told, a line each, what the firewall's rules say that has no effect. */
  readonly onRuleWarning?: WafTools["onWarning"];
  /** The stages that these ones replace. */
  readonly previous?: PreviousStages | undefined;
}

/** What stages hand on to those that replace them: key sets, single-use tokens, accepted deliveries, compiled rules. */
export interface PreviousStages {
  readonly identity: IdentityTools["previous"];
  readonly constitution: ConstitutionTools["previous"];
  readonly waf: WafTools["previous"];
}

/** Prepares every stage; throws, with all that was prepared closed again, when one cannot work. */
export async function prepareStages(
  configs: StageConfigs,
  tools: StageTools,
): Promise<readonly PreparedStage[]> {
  const prepared: PreparedStage[] = [];
  try {
    // 1. What is killed must cost nothing more.
    const { clock, killSwitches, activePolicies } = tools;
    // WHY these alone: a stage that kept all tools would keep the stages before it, and those the ones before them.
    const switches = { clock, killSwitches, activePolicies };
    prepared.push(killSwitch(configs.killSwitch, switches));
    // 2. A CORS preflight carries no credentials (Fetch standard): it is answered before anyone is asked for one.
    prepared.push(headers(configs.headers));
    // 3. Floods are shed before they cost any cryptography.
    prepared.push(sources(configs.sources, { clock: tools.clock, memory: tools.sources }));
    // 4. Who calls.
    prepared.push(
      await identity(configs.identity, { ...tools, previous: tools.previous?.identity }),
    );
    //    And whether they are shut out: before anything else is spent on them.
    if (killSwitches) prepared.push(killedCallers(configs.killSwitch, switches));
    // 5. May they: before limits, since a forbidden call must not spend a caller's quota.
    prepared.push(authorization(configs.authorization));
    // 6. How much: before anything that reads the body.
    prepared.push(limits(configs.limits, { store: tools.limitStore, clock: tools.clock }));
    // 7. The organisation's own rules, over everything proved so far; the limits' word is one of them.
    if (configs.constitution) {
      if (!tools.governing) throw new Error("the configuration has a constitution, and no pack");
      const previous = tools.previous?.constitution;
      prepared.push(
        await constitution(configs.constitution, { ...tools, ...tools.governing, previous }),
      );
    }
    // 8. The dearest check, so only for callers with rights and quota. Loaded only where it is asked for.
    if (configs.waf) {
      const { waf } = await import("../stages/waf/stage.ts");
      prepared.push(
        await waf(configs.waf, { previous: tools.previous?.waf, onWarning: tools.onRuleWarning }),
      );
    }
    // 9. What goes on is what the model expects: nothing that another stage refuses is worth holding to a schema.
    prepared.push(contract(configs.contract));
    // 10. What somebody tries to learn from many requests: read off the inputs that the contract has accepted.
    const { profiles } = tools.sources;
    prepared.push(extraction(configs.extraction, { clock: tools.clock, profiles }));
    // 11. Of an answer that kept its contract, what the caller may not see is taken away.
    prepared.push(masking(configs.masking));
    return prepared;
  } catch (error) {
    await closeStages(prepared);
    throw error;
  }
}

export async function closeStages(stages: readonly PreparedStage[]): Promise<void> {
  await Promise.all(stages.map(async (stage) => stage.close?.()));
}
