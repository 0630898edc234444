/** What the operator says of a stage on one route, from the narrowest place to the widest. */
import type { StageName } from "../pipeline/facts.ts";
import type { StageMode, WhenBroken } from "../pipeline/stage.ts";
import type { StageModes } from "./schema.ts";

/** `layers` from the narrowest to the widest; each setting is taken from the first that has it. */
export function settingsOfStage(
  stage: StageName,
  layers: readonly (StageModes | undefined)[],
): { readonly mode: StageMode; readonly whenBroken: WhenBroken } {
  const settings = layers.map((layer) => layer?.[stage as keyof StageModes]);
  return {
    mode: settings.find((layer) => layer?.mode)?.mode ?? "enforce",
    whenBroken: settings.find((layer) => layer?.whenBroken)?.whenBroken ?? "reject",
  };
}
