/**
 * The operator's exclusions, for the routes and callers they are for. Each is tested: one that fits no rule, no route or no
 * field that the route's schema allows would do nothing, and is a mistake.
 */
import type { ConfigPath } from "../../config/diagnostic.ts";
import type { Exclusion } from "./exclusion-config.ts";
import type { RuleExclusion, RuleSet } from "../../seclang/index.ts";
import type { FieldKinds } from "./field-kinds.ts";
import { type SettingFault, WafSettingsRefused } from "./setting-refused.ts";

/** A route with the rules that serve it. */
export interface RouteUnderRules {
  readonly id: string;
  readonly set: RuleSet;
  readonly fields: FieldKinds;
}

/** What one route's rules leave out: for everybody, and further for some callers. */
export interface RouteExclusions {
  readonly everyone: readonly RuleExclusion[];
  readonly byCaller: ReadonlyMap<string, readonly RuleExclusion[]>;
}

/** By route id. Throws `WafSettingsRefused` with every exclusion that binds to nothing. */
export function bindExclusions(
  exclusions: readonly Exclusion[],
  routes: readonly RouteUnderRules[],
  at: ConfigPath,
): ReadonlyMap<string, RouteExclusions> {
  const faults: SettingFault[] = [];
  const sound = soundSets(exclusions, routes);
  const fitting = exclusions.map((exclusion, index) => {
    const bound = bindOne(exclusion, routes, { at: [...at, index], sound });
    if (bound.fault) faults.push(bound.fault);
    return bound;
  });
  if (faults.length > 0) throw new WafSettingsRefused(faults);
  return new Map(
    routes.map((route) => {
      const own = fitting.filter(({ fits }) => fits.has(route.id));
      const of = (caller: string | undefined): RuleExclusion[] =>
        own.filter((one) => one.caller === caller).map(({ rule }) => rule);
      const callers = new Set(own.flatMap(({ caller }) => (caller === undefined ? [] : [caller])));
      const byCaller = new Map([...callers].map((caller) => [caller, of(caller)]));
      return [route.id, { everyone: of(undefined), byCaller }];
    }),
  );
}

interface Bound {
  readonly rule: RuleExclusion;
  readonly caller: string | undefined;
  /** Ids of the routes where it leaves something out. */
  readonly fits: ReadonlySet<string>;
  readonly fault: SettingFault | undefined;
}

/** Rule sets that all exclusions bind to: asked together, since each question takes milliseconds. */
function soundSets(
  exclusions: readonly Exclusion[],
  routes: readonly RouteUnderRules[],
): ReadonlySet<RuleSet> {
  const rules = exclusions.map(toRule);
  const sets = [...new Set(routes.map(({ set }) => set))];
  return new Set(sets.filter((set) => refusalOf(set, rules) === undefined));
}

function bindOne(
  exclusion: Exclusion,
  routes: readonly RouteUnderRules[],
  { at, sound }: { readonly at: ConfigPath; readonly sound: ReadonlySet<RuleSet> },
): Bound {
  const { route: only, caller, field } = exclusion;
  const rule = toRule(exclusion);
  const asked = routes.filter(({ id }) => only === undefined || id === only);
  const holding = asked.filter(({ fields }) => field === undefined || fields.mayHold(field));
  const sets = new Set(holding.map(({ set }) => set));
  const refusals = new Map<RuleSet, string>();
  for (const set of sets) {
    const refusal = sound.has(set) ? undefined : refusalOf(set, [rule]);
    if (refusal !== undefined) refusals.set(set, refusal);
  }
  const fits = new Set(holding.filter(({ set }) => !refusals.has(set)).map(({ id }) => id));
  const fault = fits.size > 0 ? undefined : faultOf({ asked, holding, refusals }, exclusion, at);
  return { rule, caller, fits, fault };
}

interface Searched {
  readonly asked: readonly RouteUnderRules[];
  readonly holding: readonly RouteUnderRules[];
  readonly refusals: ReadonlyMap<RuleSet, string>;
}

function faultOf(
  { asked, holding, refusals }: Searched,
  { route, field }: Exclusion,
  at: ConfigPath,
): SettingFault {
  if (asked.length === 0 && route !== undefined)
    return {
      at: [...at, "route"],
      message: `the firewall inspects no route "${route}"`,
      hint: "`portcullis config routes` lists the ids; a route whose waf.mode is off is inspected by no rule",
    };
  if (asked.length === 0) return { at, message: "there is no route that the firewall inspects" };
  if (holding.length === 0)
    return {
      at: [...at, "field"],
      message: `no request schema allows a field ${field}`,
      hint: "names begin with `json.`; elements are numbers or `*`, as in json.items.*.note",
    };
  return {
    at,
    message: `excludes nothing: ${[...refusals.values()][0] ?? "no rule is named so"}`,
    hint: "check ids, tags and field against the rules that serve the route",
  };
}

/** What the engine says against them; undefined when all of them bind. */
function refusalOf(set: RuleSet, exclusions: readonly RuleExclusion[]): string | undefined {
  if (exclusions.length === 0) return undefined;
  try {
    set.policy({ exclusions });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function toRule({ rules, tags, field, header, cookie }: Exclusion): RuleExclusion {
  const target = targetOf({ field, header, cookie });
  return {
    ...(rules.length > 0 && { ids: rules.map(toRange) }),
    ...(tags.length > 0 && { tags }),
    ...(target !== undefined && { target }),
  };
}

function targetOf({
  field,
  header,
  cookie,
}: Pick<Exclusion, "field" | "header" | "cookie">): string | undefined {
  if (field !== undefined) return `ARGS:${toBytes(field)}`;
  if (header !== undefined) return `REQUEST_HEADERS:${toBytes(header)}`;
  return cookie === undefined ? undefined : `REQUEST_COOKIES:${toBytes(cookie)}`;
}

/** The engine names fields by their bytes. */
const toBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

function toRange(rule: number | string): { readonly first: number; readonly last: number } {
  const [first = 0, last = first] = String(rule).split("-").map(Number);
  return { first, last };
}
