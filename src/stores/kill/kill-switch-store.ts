/** Kill switches as objects: what they are, and the contract of where they are kept. One that is on holds everywhere. */

/** What is shut. All parts that are given must fit; at least one is. */
export interface KillScope {
  readonly model?: string | undefined;
  readonly version?: string | undefined;
  /** Route id. */
  readonly route?: string | undefined;
  /** Name of an upstream. */
  readonly provider?: string | undefined;
  /** `client_id`, or an API key's owner. */
  readonly caller?: string | undefined;
  readonly tenant?: string | undefined;
  /** Public id of a credential: `jti`, or an API key's id. */
  readonly key?: string | undefined;
  /** Version or BLAKE3 of a signed pack. */
  readonly policy?: string | undefined;
}

export interface KillSwitch {
  /** Made by the store; short enough to be typed. */
  readonly id: string;
  readonly scope: KillScope;
  readonly reason: string;
  readonly author: string;
  readonly createdAtMs: number;
  /** Undefined: until it is taken off. */
  readonly expiresAtMs: number | undefined;
  /** Version of the same model that serves instead of the one that is shut; only with `model` and `version`. */
  readonly routeTo: string | undefined;
}

export type KillDraft = Omit<KillSwitch, "id" | "createdAtMs">;

/** How a change became known here. */
export interface KillChange {
  readonly kind: "on" | "off" | "expired";
  readonly killSwitch: KillSwitch;
  readonly by: string | undefined;
  /** From the change to its effect in this process; undefined where the clocks cannot tell. */
  readonly propagationMs: number | undefined;
}

export interface KillSwitchStore {
  /** Those in effect, from memory; the same array until something changes. */
  readonly active: readonly KillSwitch[];
  /** Durable when it resolves, and in effect in this process. */
  on(draft: KillDraft): Promise<KillSwitch>;
  /** False when there is no such switch. */
  off(id: string, by: string): Promise<boolean>;
  /** Tells every change that takes effect in this process, whoever made it; returns what ends it. */
  onChange(listener: (change: KillChange) => void): () => void;
  close(): Promise<void> | void;
}
