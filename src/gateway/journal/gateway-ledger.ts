/**
 * The ledger of one gateway process: opened at start, kept over reloads, closed last. What the operator does to the
 * gateway (configurations, keys) goes on the same record as what the gateway decides.
 */
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { openLedger, type Ledger, type LedgerEvent } from "../../ledger/ledger.ts";
import { Salts, SALTS_FILE } from "../../ledger/salts.ts";
import type { ReferenceReader } from "../../config/secrets/resolve.ts";
import type { Outward } from "../../ledger/outward/outward.ts";
import type { Journal } from "../../pipeline/journal.ts";
import type { KeyEventOutbox } from "../../stores/keys/key-event.ts";
import type { KillEventOutbox } from "../../stores/kill/kill-event.ts";
import type { Configuration } from "../configuration.ts";
import type { LedgerSettings } from "./ledger-settings.ts";
import { DecisionLines } from "./decision-line.ts";
import { killLine } from "./kill-line.ts";
import { LedgerJournal } from "./ledger-journal.ts";
import { openOutward } from "./open-outward.ts";

/** How often it is looked for what other processes did to keys, kill switches and salts. */
const POLL_MS = 1_000;
const EVENTS_AT_ONCE = 100;

export interface GatewayLedgerTools {
  /** Of the gateway, for the record. */
  readonly version: string;
  readonly onEvent: (event: LedgerEvent) => void;
  readonly onError: (message: string, error: unknown) => void;
}

/** What became of a configuration. */
export interface ReloadRecord {
  readonly result: "taken" | "refused";
  readonly trigger: "start" | "reload";
  /** Digest of the configuration that serves from now on. */
  readonly config: string;
  readonly previous?: string | undefined;
}

interface Parts {
  readonly directory: string;
  readonly ledger: Ledger;
  readonly outward: Outward;
  readonly salts: Salts;
  readonly settings: LedgerSettings;
  /** Of the configuration that serves now. */
  readonly readers: { now: ReferenceReader };
}

export class GatewayLedger {
  readonly directory: string;
  readonly #ledger: Ledger;
  readonly #salts: Salts;
  readonly #outward: Outward;
  readonly #readers: Parts["readers"];
  readonly #settings: LedgerSettings;
  readonly #tools: GatewayLedgerTools;
  #lost = 0;
  #polling: NodeJS.Timeout | undefined;
  #keyEvents: KeyEventOutbox | undefined;
  #killEvents: KillEventOutbox | undefined;

  private constructor(parts: Parts, tools: GatewayLedgerTools) {
    this.directory = parts.directory;
    this.#ledger = parts.ledger;
    this.#salts = parts.salts;
    this.#outward = parts.outward;
    this.#readers = parts.readers;
    this.#settings = parts.settings;
    this.#tools = tools;
    this.#pollLater();
  }

  /** Undefined where the configuration asks for none. Rejects when the ledger cannot be opened: nothing is served then. */
  static async open(
    { root, loaded, reader }: Configuration,
    tools: GatewayLedgerTools,
  ): Promise<GatewayLedger | undefined> {
    const settings = root.ledger;
    if (!settings) return undefined;
    const directory = resolve(loaded.directory, settings.directory);
    const key = await reader.readSecret(settings.signingKey);
    const gateway = settings.gateway ?? hostname();
    const readers = { now: reader };
    const outward = await openOutward(settings, {
      directory,
      gateway,
      version: tools.version,
      reader: () => readers.now,
    });
    const ledger = await openLedger({
      directory,
      origin: gateway,
      signingKeyPem: key.reveal(),
      sign: settings.sign,
      writer: `portcullis ${tools.version}`,
      segment: {
        limitBytes: settings.segment.size,
        maxAgeMs: settings.segment.age,
        isCompressed: settings.segment.compress,
      },
      group: { maxWaitMs: settings.group.wait, maxEntries: settings.group.entries },
      ...(settings.retention && { retentionMs: settings.retention }),
      mayRemove: (segment) => outward.mayRemove(segment),
      onEvent: (event) => {
        outward.observe(event);
        tools.onEvent(event);
      },
    }).catch(async (error: unknown) => {
      await outward.close();
      throw error;
    });
    try {
      const salts = new Salts({ path: join(directory, SALTS_FILE), use: "gateway" });
      return new GatewayLedger({ directory, ledger, outward, readers, salts, settings }, tools);
    } catch (error) {
      await ledger.close();
      await outward.close();
      throw error;
    }
  }

  /** The key that checkpoints are verified with. */
  get verifierKey(): string {
    return this.#ledger.verifierKey;
  }

  /** Whether decisions can be recorded. */
  get state(): Ledger["state"] {
    return this.#ledger.state;
  }

  /** Whether every request is refused because nothing can be recorded. */
  get isRefusing(): boolean {
    return this.#settings.onFailure === "deny" && this.#ledger.state === "failed";
  }

  /** Lines that could not be written. */
  get lost(): number {
    return this.#lost;
  }

  /** The runner's journal while the configuration of that digest serves. */
  journalFor(digest: string): Journal {
    const { subjects, addresses, bodies, durability, onFailure } = this.#settings;
    return new LedgerJournal({
      ledger: this.#ledger,
      lines: new DecisionLines({
        config: digest,
        addresses,
        isHashed: subjects === "hashed",
        isCommitted: bodies === "commit",
        salts: this.#salts,
      }),
      durability,
      onFailure,
      onLost: () => this.#lost++,
    });
  }

  /** What carries the record out of this machine, by name. */
  outward(): ReturnType<Outward["status"]> {
    return this.#outward.status();
  }

  /** From now on secrets are read as this configuration says: credentials of stores and collectors rotate. */
  useSecretsOf({ reader }: Configuration): void {
    this.#readers.now = reader;
  }

  reloaded({ result, trigger, config, previous }: ReloadRecord): void {
    this.#post({ kind: "reload", result, config, previous, trigger });
  }

  /** Puts on record what happened to the constitution: its packs, or its break-glass. */
  administered(kind: "pack" | "breakglass", members: Readonly<Record<string, unknown>>): void {
    this.#post({ kind, ...members });
  }

  /** From now on also puts on record what other processes did to API keys. */
  followKeys(outbox: KeyEventOutbox): void {
    this.#keyEvents = outbox;
  }

  /** From now on also puts on record what happens to kill switches, whoever does it. */
  followKills(outbox: KillEventOutbox): void {
    this.#killEvents = outbox;
  }

  async close(): Promise<void> {
    clearTimeout(this.#polling);
    this.#polling = undefined;
    await this.#ledger.close();
    // Behind the ledger, so that its last checkpoint goes out.
    await this.#outward.close();
    this.#salts.close();
  }

  /** What commands did to keys and salts goes on record at least once each, until closed. */
  #pollLater(): void {
    this.#polling = setTimeout(() => {
      this.#takeEvents()
        .catch((error: unknown) =>
          this.#tools.onError(
            "events of keys, kill switches or salts could not be recorded; they are kept",
            error,
          ),
        )
        .finally(() => {
          if (this.#polling) this.#pollLater();
        });
    }, POLL_MS).unref();
  }

  async #takeEvents(): Promise<void> {
    const keys = this.#keyEvents?.pendingEvents(EVENTS_AT_ONCE) ?? [];
    await this.#appendAll(
      keys.map(({ event, keyId, rotatedFrom, owner, tenant, atMs, by }) => ({
        kind: "key",
        event,
        key_id: keyId,
        rotated_from: rotatedFrom,
        owner,
        tenant,
        at: new Date(atMs).toISOString(),
        by,
      })),
    );
    const lastKey = keys.at(-1);
    if (lastKey) this.#keyEvents?.confirmEvents(lastKey.id);
    const kills = this.#killEvents?.pendingEvents(EVENTS_AT_ONCE) ?? [];
    await this.#appendAll(kills.map(killLine));
    const lastKill = kills.at(-1);
    if (lastKill) this.#killEvents?.confirmEvents(lastKill.id);
    const erasures = this.#salts.pendingErasures(EVENTS_AT_ONCE);
    await this.#appendAll(
      erasures.map(({ saltId, atMs }) => ({
        kind: "erasure",
        salt: saltId,
        at: new Date(atMs).toISOString(),
      })),
    );
    const lastErasure = erasures.at(-1);
    if (lastErasure) this.#salts.confirmErasures(lastErasure.number);
  }

  async #appendAll(lines: readonly Line[]): Promise<void> {
    await Promise.all(lines.map((line) => this.#ledger.append(members(line))));
  }

  #post(line: Line): void {
    if (!this.#ledger.post(members(line))) this.#lost++;
  }
}

interface Line {
  readonly kind: string;
  readonly [member: string]: unknown;
}

/** The members of a line as text without braces; `kind` stands first because it is written first. */
const members = (line: Line): string => JSON.stringify(line).slice(1, -1);
