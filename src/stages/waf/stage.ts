/**
 * The firewall for contents: rules in SecLang over heads, bodies and answers. It must never change a byte of a message,
 * show a caller which rule refused it, or take for inspected what no rule has seen.
 */
import type { ConfigPath } from "../../config/diagnostic.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { PreparedStage } from "../../pipeline/stage.ts";
import { type CollectionStore, MemoryCollections } from "../../seclang/index.ts";
import { type RouteSettings, type RouteWaf, settingsOf, type WafSection } from "./config.ts";
import { bindExclusions, type RouteExclusions } from "./exclusions.ts";
import { FieldKinds } from "./field-kinds.ts";
import { SharedPolicies, variablesOf } from "./policies.ts";
import { compileReputation, ListRefused, type ListFile, type Reputation } from "./reputation.ts";
import { bindRoute } from "./route-handlers.ts";
import type { FoundRules } from "./rule-files.ts";
import { type LoadedRules, RuleSets } from "./rule-sets.ts";
import { WafSettingsRefused } from "./setting-refused.ts";
import { warmUp } from "./warm-up.ts";

/** What the stage is told of a route. */
export interface WafRoute {
  readonly own: RouteWaf | undefined;
  /** Text of the request schema. */
  readonly schema: string | undefined;
  /** Where the route stands in the configuration. */
  readonly at: ConfigPath;
}

export interface WafConfig {
  readonly section: WafSection;
  /** By route id. */
  readonly routes: ReadonlyMap<string, WafRoute>;
  /** By the text of the source. */
  readonly found: ReadonlyMap<string, FoundRules>;
  readonly cacheDirectory: string | undefined;
  /** Most bytes of an answer that are held to be judged. */
  readonly responseLimitBytes: number;
  readonly addresses: readonly ListFile[];
  readonly userAgents: readonly ListFile[];
}

export interface WafTools {
  /** The stage that this one replaces: rules that did not change are not compiled again. */
  readonly previous?: PreparedStage<"waf"> | undefined;
  /** Told, a line each, what newly compiled rules say that has no effect here. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/** What a reload takes over from a stage: rules that did not change, and what they remember of callers. */
interface HandedOn {
  readonly sets: RuleSets;
  readonly collections: CollectionStore;
}
const HANDED_ON = new WeakMap<PreparedStage<"waf">, HandedOn>();

/** A route with its rules loaded. */
interface Prepared {
  readonly id: string;
  readonly settings: RouteSettings;
  readonly fields: FieldKinds;
  readonly loaded: LoadedRules;
}

/** Throws `WafSettingsRefused` for rules, lists and exclusions that cannot be used. */
export async function waf(
  config: WafConfig,
  { previous, onWarning = () => undefined }: WafTools,
): Promise<PreparedStage<"waf">> {
  const { section, found, cacheDirectory } = config;
  const earlier = previous && HANDED_ON.get(previous);
  const sets = new RuleSets({ found, cacheDirectory, onWarning, previous: earlier?.sets });
  const collections = earlier?.collections ?? new MemoryCollections();
  const routes = await prepareRoutes(config, sets);
  sets.forgetPrevious();
  const underRules = routes.map(({ id, fields, loaded }) => ({ id, fields, set: loaded.set }));
  const exclusions = bindExclusions(section.exclusions, underRules, ["waf", "exclusions"]);
  const common: Common = {
    reputation: readLists(config),
    collections,
    requests: new SharedPolicies(),
    streams: new SharedPolicies(),
    responseLimitBytes: config.responseLimitBytes,
  };
  for (const { loaded, settings } of routes) await warmUp(loaded.set, variablesOf(settings));
  const byId = new Map(routes.map((route) => [route.id, route]));
  const stage: PreparedStage<"waf"> = {
    name: "waf",
    bind(route) {
      const prepared = byId.get(route.id);
      if (!prepared) return null;
      const own = exclusions.get(route.id) ?? NO_EXCLUSIONS;
      return handlersOf(route, { prepared, exclusions: own, common });
    },
  };
  HANDED_ON.set(stage, { sets, collections });
  return stage;
}

const NO_EXCLUSIONS: RouteExclusions = { everyone: [], byCaller: new Map() };

/** Routes that are inspected at all. */
async function prepareRoutes(
  { section, routes }: WafConfig,
  sets: RuleSets,
): Promise<readonly Prepared[]> {
  const prepared: Prepared[] = [];
  for (const [id, { own, schema, at }] of routes) {
    const settings = settingsOf(section, own);
    if (settings.mode === "off") continue;
    const place = own?.rules ? [...at, "waf", "rules"] : ["waf", "rules"];
    const fields = new FieldKinds({
      schema: schema === undefined ? undefined : parsed(schema),
      declared: settings.fields,
    });
    prepared.push({ id, settings, fields, loaded: await sets.load(settings.rules, place) });
  }
  return prepared;
}

/** What is no JSON says nothing of fields; the contract refuses it at load. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readLists({ addresses, userAgents }: WafConfig): Reputation | undefined {
  try {
    return compileReputation(addresses, userAgents);
  } catch (error) {
    if (!(error instanceof ListRefused)) throw error;
    throw new WafSettingsRefused([{ at: ["waf", "reputation"], message: error.message }]);
  }
}

/** What all routes have in common. */
interface Common {
  readonly reputation: Reputation | undefined;
  readonly collections: CollectionStore;
  readonly requests: SharedPolicies;
  readonly streams: SharedPolicies;
  readonly responseLimitBytes: number;
}

interface Binding {
  readonly prepared: Prepared;
  readonly exclusions: RouteExclusions;
  readonly common: Common;
}

function handlersOf(
  route: Route,
  { prepared, exclusions, common }: Binding,
): ReturnType<PreparedStage<"waf">["bind"]> {
  const { settings, fields, loaded } = prepared;
  const { reputation, collections, requests, streams, responseLimitBytes } = common;
  const requestLimitBytes = Math.min(settings.bodyLimit ?? Infinity, route.bodyLimitBytes);
  const limits = { requestLimitBytes, responseLimitBytes };
  const wanted = { set: loaded.set, settings, exclusions, fields, ...limits };
  return bindRoute({
    route,
    settings,
    policies: requests.of({ ...wanted, collections }),
    streams:
      settings.responses === "on"
        ? streams.of({ ...wanted, collections: new MemoryCollections() })
        : undefined,
    rules: loaded.byId,
    declared: fields.declaredNames,
    reputation,
    ...limits,
  });
}
