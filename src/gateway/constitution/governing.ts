/** What the constitution's stage is given to decide by: packs that serve, or packs that are only looked at. */
import { loadPack } from "../../packs/life/loaded-pack.ts";
import { PackFiles } from "../../packs/life/pack-files.ts";
import { Serving } from "../../packs/life/serving.ts";
import type { ConstitutionTools, Packs } from "../../stages/constitution/stage.ts";
import type { Configuration } from "../configuration.ts";
import { readPackSettings } from "./pack-settings.ts";

export interface Governing {
  readonly constitution: Packs;
  readonly breakGlass: ConstitutionTools["breakGlass"];
}

/**
 * The pack as it lies in its files, proved and compiled, without its life: no state is read or written, no candidate
 * loaded, no break-glass on. For looking at a configuration; undefined where it has no constitution. Throws `PackRefused`.
 */
export async function lookAtPack(
  configuration: Configuration,
  nowMs: number,
): Promise<Governing | undefined> {
  const section = configuration.root.constitution;
  if (section === undefined) return undefined;
  const { files, trust, acknowledged } = await readPackSettings(section, configuration);
  const source = await new PackFiles(files).readActive();
  const serving = new Serving(loadPack(source, {}, { trust, acknowledged, nowMs }));
  return {
    constitution: {
      decide: (context, nowSeconds, subject) => serving.decide(context, nowSeconds, subject),
      reads: (field) => serving.active.loaded.evaluator.readsField(field),
    },
    breakGlass: undefined,
  };
}
