/** Cuts the root configuration and the route table into what each stage is made from: its section, and its routes'. */
import type { ReferenceReader } from "../config/secrets/resolve.ts";
import type { FileRef } from "../config/secrets/reference.ts";
import type { AuthorizationConfig } from "../stages/authorization/config.ts";
import type { ConstitutionConfig } from "../stages/constitution/config.ts";
import { prepareEdge } from "../stages/constitution/edge-facts.ts";
import type { ContractConfig, ContractRoute, SchemaSource } from "../stages/contract/config.ts";
import type { HeadersConfig } from "../stages/headers/config.ts";
import type { IdentityConfig } from "../stages/identity/config.ts";
import type { KillSwitchConfig } from "../stages/kill-switch/config.ts";
import type { LimitsConfig } from "../stages/limits/config.ts";
import type { MaskingConfig } from "../stages/masking/config.ts";
import { resolveSources, type SourcesConfig } from "../stages/sources/config.ts";
import type { ExtractionConfig } from "../stages/sources/extraction/stage.ts";
import type { ListFile } from "../stages/waf/reputation.ts";
import type { FoundRules } from "../stages/waf/rule-files.ts";
import type { WafConfig, WafRoute } from "../stages/waf/stage.ts";
import type { CompiledRoute } from "./compile-routes.ts";
import type { RootConfig } from "./schema.ts";
import { cacheOf } from "./waf-rules.ts";
import { settingsOfStage } from "./stage-modes.ts";

export interface StageConfigs {
  readonly killSwitch: KillSwitchConfig;
  readonly headers: HeadersConfig;
  readonly sources: SourcesConfig;
  readonly identity: IdentityConfig;
  readonly authorization: AuthorizationConfig;
  readonly limits: LimitsConfig;
  readonly constitution: ConstitutionConfig | undefined;
  readonly waf: WafConfig | undefined;
  readonly contract: ContractConfig;
  readonly extraction: ExtractionConfig;
  readonly masking: MaskingConfig;
}

export interface StageConfigsInput {
  readonly root: RootConfig;
  readonly routes: readonly CompiledRoute[];
  readonly reader: ReferenceReader;
  readonly wafRules: ReadonlyMap<string, FoundRules>;
  readonly loaded: { readonly directory: string };
}

export async function toStageConfigs(input: StageConfigsInput): Promise<StageConfigs> {
  const { root, routes, reader } = input;
  /** A value for each route that has one, by route id. */
  const byRoute = <T>(pick: (compiled: CompiledRoute) => T | undefined): ReadonlyMap<string, T> =>
    new Map(
      routes.flatMap((compiled) => {
        const value = pick(compiled);
        return value === undefined ? [] : [[compiled.route.id, value] as const];
      }),
    );
  /** Where one of the two is in shadow the limits refuse, or do not, by themselves. */
  const bothEnforce = ({ settings }: CompiledRoute): boolean =>
    (["limits", "constitution"] as const).every(
      (stage) => settingsOfStage(stage, [settings.stages, root.stages]).mode === "enforce",
    );
  const isGoverned = ({ settings }: CompiledRoute): boolean =>
    root.constitution !== undefined &&
    settingsOfStage("constitution", [settings.stages, root.stages]).mode === "enforce";
  const edge = root.constitution?.edge;
  const contracts = new Map<string, ContractRoute>();
  for (const compiled of routes)
    contracts.set(compiled.route.id, await toContractRoute(compiled, reader));
  return {
    killSwitch: {
      routes: byRoute(({ settings, successorPath }) => ({
        status: settings.status,
        deprecatedSinceMs: settings.deprecatedSince,
        sunsetMs: settings.sunset,
        successorPath,
      })),
      served: routes.map(({ route }) => route),
      // Where the pack is only in shadow it decides nothing, so that there is nothing of it to shut.
      governed: new Set(routes.filter(isGoverned).map(idOf)),
    },
    headers: { ...root.headers, routes: byRoute(({ settings }) => settings.cors) },
    sources: await resolveSources(root.sources, async (file) =>
      (await reader.readFile(file)).toString("utf8"),
    ),
    identity: {
      ...root.identity,
      routes: byRoute(({ settings }) => settings.identity),
      ...(edge && { edge: prepareEdge(edge).peers }),
    },
    authorization: {
      ...root.authorization,
      routes: byRoute(({ settings: { identity, scopes } }) => ({ identity, scopes })),
    },
    limits: {
      ...root.limits,
      routes: byRoute(({ settings }) => settings.limits),
      leftToConstitution: root.constitution && new Set(routes.filter(bothEnforce).map(idOf)),
    },
    constitution: root.constitution && {
      ...root.constitution,
      webhookRoutes: byRoute(({ settings }) => settings.webhook),
    },
    waf: await toWafConfig(input, contracts),
    contract: { defaults: root.contract, routes: contracts },
    extraction: { ...root.sources.extraction, ipv6Prefix: root.sources.ipv6Prefix },
    masking: { routes: byRoute(({ settings }) => settings.mask) },
  };
}

/** Fields are known by the schemas of the contracts. */
async function toWafConfig(
  { root: { waf: section, contract }, routes, reader, wafRules, loaded }: StageConfigsInput,
  contracts: ReadonlyMap<string, ContractRoute>,
): Promise<WafConfig | undefined> {
  if (section === undefined) return undefined;
  const read = (files: readonly FileRef[]): Promise<ListFile[]> =>
    Promise.all(
      files.map(async (file) => ({
        file: file.path,
        text: (await reader.readFile(file)).toString("utf8"),
      })),
    );
  const toRoute = ({ route, settings, at }: CompiledRoute): [string, WafRoute] => [
    route.id,
    {
      own: settings.waf,
      schema: contracts.get(route.id)?.request?.text,
      at,
    },
  ];
  return {
    section,
    routes: new Map(routes.map(toRoute)),
    found: wafRules,
    cacheDirectory: cacheOf(section.cache, loaded.directory),
    responseLimitBytes: contract.responseLimit,
    addresses: await read(section.reputation.addresses),
    userAgents: await read(section.reputation.userAgents),
  };
}

const idOf = ({ route }: CompiledRoute): string => route.id;

async function toContractRoute(
  compiled: CompiledRoute,
  reader: ReferenceReader,
): Promise<ContractRoute> {
  const { contentTypes, requestBody, contentEncodings, parameters, query, json } =
    compiled.settings;
  const read = async (file: FileRef | undefined): Promise<SchemaSource | undefined> =>
    file && { file: file.path, text: (await reader.readFile(file)).toString("utf8") };
  return {
    contentTypes,
    requestBody,
    contentEncodings,
    parameters,
    query,
    json,
    request: await read(compiled.request),
    response: await read(compiled.response),
  };
}
