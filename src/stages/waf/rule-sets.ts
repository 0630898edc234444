/**
 * The rule sets of one configuration: each distinct list of sources is compiled once, whatever number of routes it serves,
 * and taken over from the configuration before when nothing in its files has changed.
 */
import type { ConfigPath } from "../../config/diagnostic.ts";
import { compileAhead } from "./compile-ahead.ts";
import { type RuleSourceSetting, sourceText } from "./config.ts";
import {
  loadRuleSet,
  type RuleInfo,
  type RuleSet,
  RuleSetRefused,
  type RuleSource,
} from "../../seclang/index.ts";
import type { FoundRules } from "./rule-files.ts";
import { WafSettingsRefused } from "./setting-refused.ts";

/** A compiled set with its rules by id. */
export interface LoadedRules {
  readonly set: RuleSet;
  readonly byId: ReadonlyMap<number, RuleInfo>;
}

export interface RuleSetsInput {
  /** By the text of the source. */
  readonly found: ReadonlyMap<string, FoundRules>;
  /** Where what is slow to work out is kept between starts. */
  readonly cacheDirectory: string | undefined;
  /** Told, a line each, what rules say that has no effect here. */
  readonly onWarning: (warning: string) => void;
  /** The sets of the configuration that this one replaces. */
  readonly previous: RuleSets | undefined;
}

export class RuleSets {
  readonly #found: RuleSetsInput["found"];
  readonly #cacheDirectory: string | undefined;
  readonly #onWarning: RuleSetsInput["onWarning"];
  readonly #loaded = new Map<string, LoadedRules>();
  /** What the configuration before had compiled; nothing once this one is ready. */
  #earlier: ReadonlyMap<string, LoadedRules>;

  constructor({ previous, found, cacheDirectory, onWarning }: RuleSetsInput) {
    this.#onWarning = onWarning;
    this.#found = found;
    this.#cacheDirectory = cacheDirectory;
    this.#earlier = previous ? previous.#loaded : new Map();
  }

  /** The set of this list. Rejects with `WafSettingsRefused` for the faults of the rules, at this place. */
  async load(rules: readonly RuleSourceSetting[], at: ConfigPath): Promise<LoadedRules> {
    const found = rules.map((rule) => this.#foundAt(rule, at));
    const key = found.map((one) => one.key).join(" ");
    const known = this.#loaded.get(key) ?? this.#earlier.get(key);
    const loaded = known ?? (await this.#compile(found, at));
    this.#loaded.set(key, loaded);
    return loaded;
  }

  /** From now on nothing is held of what the configuration before had and this one has not. */
  forgetPrevious(): void {
    this.#earlier = new Map();
  }

  #foundAt(rule: RuleSourceSetting, at: ConfigPath): FoundRules {
    const found = this.#found.get(sourceText(rule));
    if (found) return found;
    throw new WafSettingsRefused([
      { at, message: `the rules of ${sourceText(rule)} were not found` },
    ]);
  }

  async #compile(found: readonly FoundRules[], at: ConfigPath): Promise<LoadedRules> {
    const sources = found.map(toSource);
    const cacheDirectory = this.#cacheDirectory;
    // Others are being served meanwhile.
    const isReload = this.#earlier.size > 0;
    if (isReload && cacheDirectory !== undefined) await compileAhead({ sources, cacheDirectory });
    try {
      const set = loadRuleSet({ sources, ...(cacheDirectory !== undefined && { cacheDirectory }) });
      set.warnings.forEach(this.#onWarning);
      return { set, byId: new Map(set.rules.map((rule) => [rule.id, rule])) };
    } catch (error) {
      if (!(error instanceof RuleSetRefused)) throw error;
      throw new WafSettingsRefused([
        { at, message: `the rules cannot be used:\n${error.message}` },
      ]);
    }
  }
}

function toSource({ paths }: FoundRules): RuleSource {
  return { kind: "files", paths };
}
