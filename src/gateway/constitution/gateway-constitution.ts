/**
 * The constitution of one gateway process: its packs and its break-glass, kept over reloads of the configuration as long
 * as their settings stay the same. It must never serve a configuration under packs that this configuration does not trust.
 */
import { resolve } from "node:path";
import { BreakGlass } from "../../packs/panic/break-glass.ts";
import type { BreakGlassEvent } from "../../packs/panic/break-glass-event.ts";
import type { PackName } from "../../pipeline/facts.ts";
import { Constitution } from "../../packs/life/constitution.ts";
import type { ConstitutionEvent } from "../../packs/life/constitution-event.ts";
import { readPublicKey } from "../../packs/sign/keys.ts";
import type { ConstitutionSection } from "../../stages/constitution/config.ts";
import type { Configuration } from "../configuration.ts";
import type { Governing } from "./governing.ts";
import { readPackSettings } from "./pack-settings.ts";

export interface GatewayConstitutionTools {
  readonly nowMs: () => number;
  readonly onPackEvent: (event: ConstitutionEvent) => void;
  readonly onBreakGlassEvent: (event: BreakGlassEvent) => void;
}

/** Packs, and the settings they were opened with. */
interface Opened {
  readonly constitution: Constitution;
  readonly fingerprint: string;
}

export class GatewayConstitution {
  readonly #tools: GatewayConstitutionTools;
  #serving: Opened | undefined;
  #opened: Opened | undefined;
  #breakGlass: BreakGlass | undefined;
  /** Lets the serving packs' operations go on: while others are opened on the same state none may run. */
  #release: (() => void) | undefined;

  constructor(tools: GatewayConstitutionTools) {
    this.#tools = tools;
  }

  /** The packs that decide now; undefined while the configuration has no constitution. */
  get constitution(): Constitution | undefined {
    return this.#serving?.constitution;
  }

  /** The pack that decides now, by itself; none while the configuration has no constitution. */
  get activePolicies(): readonly PackName[] {
    const active = this.constitution?.active;
    return active ? [active] : [];
  }

  /** Whether every request is refused because the active pack's time is over. */
  get isExpired(): boolean {
    const expiresMs = this.constitution?.active.expiresMs ?? Number.POSITIVE_INFINITY;
    return this.#tools.nowMs() >= expiresMs;
  }

  /** Opened with the first configuration that asks for it, and kept to the end: there is one for a process. */
  get breakGlass(): BreakGlass | undefined {
    return this.#breakGlass;
  }

  /**
   * What this configuration is to be served by; `take` makes it so, `leave` forgets it. Undefined when it has no
   * constitution. Rejects when no good pack can be had.
   */
  async prepare(configuration: Configuration): Promise<Governing | undefined> {
    this.#opened = undefined;
    const section = configuration.root.constitution;
    if (section === undefined) return undefined;
    const opened = await this.#open(section, configuration);
    this.#opened = opened;
    if (section.breakGlass) this.#breakGlass ??= await this.#openBreakGlass(section, configuration);
    const breakGlass = section.breakGlass && this.#breakGlass;
    return { constitution: opened.constitution, breakGlass };
  }

  /** The prepared configuration serves from now on. */
  async take(): Promise<void> {
    const previous = this.#serving;
    this.#serving = this.#opened;
    const closed = previous !== this.#serving && previous?.constitution.close();
    this.#letGo();
    await closed;
  }

  /** The prepared configuration was not taken. */
  async leave(): Promise<void> {
    const opened = this.#opened;
    this.#opened = this.#serving;
    if (opened && opened !== this.#serving) await opened.constitution.close();
    this.#letGo();
  }

  #letGo(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async close(): Promise<void> {
    await this.leave();
    await this.#serving?.constitution.close();
    await this.#breakGlass?.close();
  }

  async #open(section: ConstitutionSection, configuration: Configuration): Promise<Opened> {
    const { keyTexts, ...settings } = await readPackSettings(section, configuration);
    const { canary } = section;
    const fingerprint = JSON.stringify([
      settings.files,
      [section.form, section.threshold, keyTexts],
      [settings.acknowledged, settings.stateFile, canary],
    ]);
    if (this.#serving?.fingerprint === fingerprint) return this.#serving;
    this.#release = await this.#serving?.constitution.hold();
    const constitution = await Constitution.open({
      ...settings,
      ...(canary && {
        canary: {
          ...(canary.share !== undefined && { percent: canary.share * 100 }),
          ...(canary.groups && { groups: canary.groups }),
          ...(canary.routes && { routes: canary.routes }),
        },
      }),
      nowMs: this.#tools.nowMs,
      onEvent: this.#tools.onPackEvent,
    });
    return { constitution, fingerprint };
  }

  async #openBreakGlass(
    { breakGlass: settings }: ConstitutionSection,
    { loaded, reader }: Configuration,
  ): Promise<BreakGlass | undefined> {
    if (settings === undefined) return undefined;
    const { state, maxTtl, approvers } = settings;
    const keys = await Promise.all(
      (approvers ?? []).map(async (file) =>
        readPublicKey((await reader.readFile(file)).toString("utf8")),
      ),
    );
    return BreakGlass.open({
      stateFile: resolve(loaded.directory, state),
      maxTtlSec: Math.floor(maxTtl / 1_000),
      ...(approvers && { approvals: { keys } }),
      nowMs: this.#tools.nowMs,
      onEvent: this.#tools.onBreakGlassEvent,
    });
  }
}
