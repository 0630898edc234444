/** What the constitution's stage is given to decide by: packs that serve, or a pack that is only looked at. */
import { compilePack } from "../../packs/evaluate/evaluator.ts";
import { loadPack, type KeptPack } from "../../packs/life/loaded-pack.ts";
import { PackFiles } from "../../packs/life/pack-files.ts";
import { lintPack } from "../../packs/prove/lint.ts";
import { readPack } from "../../packs/read/read-pack.ts";
import { packHash } from "../../packs/sign/pack-hash.ts";
import type { ConstitutionTools, Packs } from "../../stages/constitution/stage.ts";
import type { Configuration } from "../configuration.ts";
import { readPackSettings } from "./pack-settings.ts";

export interface Governing {
  readonly constitution: Packs;
  readonly breakGlass: ConstitutionTools["breakGlass"];
}

/** A pack without its life: no state is read or written, no candidate loaded, no break-glass on. */
export type LookedAtPack = Pick<KeptPack, "loaded" | "pack">;

/** The configuration's pack as it lies in its files; undefined where it has no constitution. Throws `PackRefused`. */
export async function packInFiles(
  configuration: Configuration,
  nowMs: number,
): Promise<LookedAtPack | undefined> {
  const section = configuration.root.constitution;
  if (section === undefined) return undefined;
  const { files, trust, acknowledged } = await readPackSettings(section, configuration);
  return loadPack(await new PackFiles(files).readActive(), {}, { trust, acknowledged, nowMs });
}

/** Rules that nobody has signed yet, for asking what they would do. They must never serve. Throws `PackRefused`. */
export function unsignedPack(rules: Uint8Array, nowMs: number): LookedAtPack {
  const pack = readPack(rules);
  return {
    pack,
    loaded: {
      id: "unsigned",
      version: "unsigned",
      blake3: packHash(rules),
      evaluator: compilePack(pack),
      findings: lintPack(pack),
      loadedAtMs: nowMs,
    },
  };
}

export function governingBy({ loaded }: LookedAtPack): Governing {
  const { evaluator, expiresMs = Number.POSITIVE_INFINITY } = loaded;
  return {
    constitution: {
      decide: (context, nowSeconds) => ({
        decision: evaluator.decide(context, nowSeconds),
        pack: loaded,
        stage: "active",
        isExpired: nowSeconds * 1_000 >= expiresMs,
      }),
      reads: (field) => evaluator.readsField(field),
    },
    breakGlass: undefined,
  };
}
