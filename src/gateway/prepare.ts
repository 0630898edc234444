/** Compiles a configuration into a generation: stages prepared and bound to every route, upstreams opened, paths routed. */
import { planOf, type Plan, type Step } from "../pipeline/plan.ts";
import { rejection } from "../pipeline/rejection.ts";
import type { Route } from "../pipeline/request-context.ts";
import type { PreparedStage } from "../pipeline/stage.ts";
import { createUpstreams, type Upstreams } from "../upstream/pools.ts";
import { digestOfConfiguration } from "./configuration-digest.ts";
import type { Configuration } from "./configuration.ts";
import type { Generation } from "./gateway.ts";
import { governingBy, packInFiles } from "./constitution/governing.ts";
import { Router } from "./router.ts";
import type { StageModes } from "./schema.ts";
import { toStageConfigs } from "./stage-configs.ts";
import { settingsOfStage } from "./stage-modes.ts";
import { placed } from "./waf-rules.ts";
import { closeStages, prepareStages, type PreviousStages, type StageTools } from "./stages.ts";

/** What outlives a configuration: stores, and what the last generation can hand on. */
export interface PrepareTools extends Omit<
  StageTools,
  "readFile" | "readSecret" | "environment" | "previous" | "governing"
> {
  /** Packs that serve. Default: the pack as it lies in its files, for looking at a configuration. */
  readonly governing?: StageTools["governing"];
  /**
   * The generation that serves now: upstreams that did not change keep their connections; issuers keep the keys they
   * have while their key server is down, and the tokens that may be used only once.
   */
  readonly previous?: PreparedGeneration | undefined;
}

export interface PreparedGeneration extends Generation {
  readonly upstreams: Upstreams;
  readonly handedOn: PreviousStages;
}

/** The pseudo-route of paths that match nothing: addresses are counted and answers decorated there too. */
export const UNMATCHED_ROUTE: Route = {
  id: "unmatched",
  template: "",
  methods: [],
  model: undefined,
  version: undefined,
  upstream: undefined,
  bodyLimitBytes: 0,
  bodyMode: "buffer",
};

const NOT_FOUND = rejection("router.not_found");

/** Throws, with everything closed again, when a stage or an upstream cannot work with this configuration. */
export async function prepareGeneration(
  configuration: Configuration,
  tools: PrepareTools,
): Promise<PreparedGeneration> {
  const { root, routes, reader } = configuration;
  const upstreams = await createUpstreams(root.upstreams, {
    readFile: (reference) => reader.readFile(reference),
    readSecret: (reference) => reader.readSecret(reference),
    previous: tools.previous?.upstreams,
  });
  let stages: readonly PreparedStage[] = [];
  try {
    stages = await prepareStages(await toStageConfigs(configuration), {
      ...tools,
      governing: tools.governing ?? (await lookAt(configuration, tools.clock.nowMs())),
      previous: tools.previous?.handedOn,
      environment: root.environment,
      readFile: (reference) => reader.readFile(reference),
      readSecret: (reference) => reader.readSecret(reference),
    });
    const responseLimitBytes = root.contract.responseLimit;
    const router = new Router<Plan>();
    for (const { route, template, settings } of routes) {
      upstreams.bind(route);
      const steps = bindSteps(route, stages, [settings.stages, root.stages]);
      router.add(template, planOf(route, steps, { responseLimitBytes, destination: "upstream" }));
    }
    const unmatched = planOf(UNMATCHED_ROUTE, bindSteps(UNMATCHED_ROUTE, stages, [root.stages]), {
      responseLimitBytes,
      destination: NOT_FOUND,
    });
    return {
      find: (path) => router.find(path),
      unmatched,
      digest: digestOfConfiguration(configuration),
      upstreams,
      handedOn: {
        identity: stages.find(isNamed("identity")),
        constitution: stages.find(isNamed("constitution")),
        waf: stages.find(isNamed("waf")),
      },
      forwarder: upstreams,
      close: async () => {
        await Promise.all([closeStages(stages), upstreams.close()]);
      },
    };
  } catch (error) {
    await Promise.all([closeStages(stages), upstreams.close()]);
    throw placed(error, configuration.loaded);
  }
}

async function lookAt(
  configuration: Configuration,
  nowMs: number,
): Promise<StageTools["governing"]> {
  const pack = await packInFiles(configuration, nowMs);
  return pack && governingBy(pack);
}

const isNamed =
  <Name extends PreparedStage["name"]>(name: Name) =>
  (stage: PreparedStage): stage is PreparedStage<Name> =>
    stage.name === name;

/** `modes` from the narrowest to the widest. */
function bindSteps(
  route: Route,
  stages: readonly PreparedStage[],
  modes: readonly (StageModes | undefined)[],
): Step[] {
  return stages.flatMap((stage) => {
    const handlers = stage.bind(route);
    if (!handlers) return [];
    return [{ stage: stage.name, handlers, ...settingsOfStage(stage.name, modes) }];
  });
}
