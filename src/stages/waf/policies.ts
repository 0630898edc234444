/** The policies of one route: its rules with its levels, for everybody and for callers with exclusions of their own. */
import type { Identity } from "../../pipeline/facts.ts";
import { TEXT_TYPES } from "./answer.ts";
import type { RouteSettings } from "./config.ts";
import type { CollectionStore, Policy, PolicyOptions, RuleSet } from "../../seclang/index.ts";
import type { RouteExclusions } from "./exclusions.ts";
import type { FieldKinds } from "./field-kinds.ts";

const MICROS_PER_MS = 1_000;

export interface PoliciesInput {
  readonly set: RuleSet;
  readonly settings: RouteSettings;
  readonly exclusions: RouteExclusions;
  readonly fields: FieldKinds;
  readonly collections: CollectionStore;
  readonly requestLimitBytes: number;
  readonly responseLimitBytes: number;
}

export class RoutePolicies {
  readonly #everyone: Policy;
  readonly #byCaller: ReadonlyMap<string, Policy>;

  constructor(input: PoliciesInput) {
    const { set, exclusions } = input;
    const options = optionsOf(input);
    const { everyone, byCaller } = exclusions;
    this.#everyone = set.policy({ ...options, exclusions: everyone });
    this.#byCaller = new Map(
      Array.from(byCaller, ([caller, own]) => [
        caller,
        set.policy({ ...options, exclusions: [...everyone, ...own] }),
      ]),
    );
  }

  of(identity: Identity | undefined): Policy {
    if (this.#byCaller.size === 0 || !identity || identity.method === "anonymous")
      return this.#everyone;
    return this.#byCaller.get(identity.caller) ?? this.#everyone;
  }
}

/** Routes that want the same of the same rules, and declare no fields, share their policies: each takes milliseconds. */
export class SharedPolicies {
  readonly #known = new Map<string, RoutePolicies>();

  of(input: PoliciesInput): RoutePolicies {
    if (!input.fields.isEmpty) return new RoutePolicies(input);
    const { settings, exclusions, requestLimitBytes, responseLimitBytes } = input;
    const { everyone, byCaller } = exclusions;
    // The settings name the rules, too.
    const wanted = [settings, everyone, [...byCaller], requestLimitBytes, responseLimitBytes];
    const key = JSON.stringify(wanted);
    const policies = this.#known.get(key) ?? new RoutePolicies(input);
    this.#known.set(key, policies);
    return policies;
  }
}

function optionsOf({
  settings,
  fields,
  collections,
  requestLimitBytes,
  responseLimitBytes,
}: PoliciesInput): PolicyOptions {
  return {
    engine: settings.mode === "detect" ? "detectionOnly" : "on",
    tx: variablesOf(settings),
    ...(!fields.isEmpty && { fieldKind: (name: string) => fields.kindOf(name) }),
    budgetMicros: settings.budget * MICROS_PER_MS,
    onBudget: settings.onBudget,
    collections,
    // Rule files were often made for other servers: that bodies are read, and how much of them, is said here.
    settings: {
      hasRequestBodyAccess: true,
      hasResponseBodyAccess: true,
      requestBodyLimitBytes: requestLimitBytes,
      isRequestCut: false,
      valueLimitBytes: settings.valueLimit,
      argumentsLimit: settings.fieldLimit,
      responseBodyLimitBytes: responseLimitBytes,
      isResponseCut: false,
      responseMediaTypes: TEXT_TYPES,
    },
  };
}

/**
 * What the Core Rule Set and the built-in rules read before their own defaults: the levels under the names of version 4,
 * then of version 3. Only what the operator has written: a set-up file of theirs may say the rest.
 */
export function variablesOf({
  paranoia,
  threshold,
  prompts,
}: RouteSettings): Record<string, string> {
  const variables: Record<string, string> = { prompt_mode: prompts };
  if (paranoia !== undefined)
    for (const name of [
      "blocking_paranoia_level",
      "detection_paranoia_level",
      "paranoia_level",
      "executing_paranoia_level",
    ])
      variables[name] = String(paranoia);
  const { inbound, outbound } = threshold;
  if (inbound !== undefined) variables["inbound_anomaly_score_threshold"] = String(inbound);
  if (outbound !== undefined) variables["outbound_anomaly_score_threshold"] = String(outbound);
  return variables;
}
