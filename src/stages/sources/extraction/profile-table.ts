/** Profiles of callers by model, in bounded memory; they outlive configurations. */
import { BoundedTable } from "../bounded-table.ts";
import { ModelFields } from "./model-fields.ts";
import { Profile } from "./profile.ts";

export interface ProfileRule {
  readonly windowMs: number;
  readonly maxProfiles: number;
}

export class ProfileTable {
  readonly #table = new BoundedTable<Profile>();
  /** Models are the configuration's: there are few. */
  readonly #models = new Map<string, ModelFields>();

  /** Callers and models that are watched now. */
  get size(): number {
    return this.#table.size;
  }

  find(caller: string, model: string): Profile | undefined {
    return this.#table.get(keyOf(caller, model));
  }

  /** The profile of a caller and a model; undefined when all others are more suspicious and there is no room. */
  open(caller: string, model: string, nowMs: number, rule: ProfileRule): Profile | undefined {
    const key = keyOf(caller, model);
    const known = this.#table.get(key);
    if (known) return known;
    const mayForget = (profile: Profile, isFull: boolean): boolean =>
      nowMs >= profile.blockedUntilMs &&
      (nowMs - profile.lastMs >= rule.windowMs || (isFull && profile.isPlain));
    if (!this.#table.hasRoom(rule.maxProfiles, mayForget)) return undefined;
    const profile = new Profile(key, nowMs);
    this.#table.add(profile);
    return profile;
  }

  fieldsOf(model: string): ModelFields {
    let fields = this.#models.get(model);
    if (!fields) this.#models.set(model, (fields = new ModelFields()));
    return fields;
  }
}

const keyOf = (caller: string, model: string): string => `${model}\n${caller}`;
