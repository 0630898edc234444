/** `portcullis check`: everything that a start would find wrong, without serving. Exits with 1 when something is. */
import type { Command } from "commander";
import { renderDiagnostics } from "../config/diagnostic.ts";
import { readConfiguration } from "../gateway/configuration.ts";
import { prepareGeneration } from "../gateway/prepare.ts";
import { SYSTEM_CLOCK } from "../pipeline/stage.ts";
import { SourceMemory } from "../stages/sources/source-memory.ts";
import { openEmbeddedKeyStore } from "../stores/keys/embedded-key-store.ts";
import { MemoryLimitStore } from "../stores/limits/memory-limit-store.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";

export function addCheck(program: Command): void {
  withSource(program.command("check").description("Check a configuration without serving.")).action(
    check,
  );
}

async function check(options: SourceOptions): Promise<void> {
  const configuration = await readConfiguration(sourceOf(options));
  const color = process.stderr.isTTY;
  if (!configuration.ok) {
    console.error(renderDiagnostics(configuration.diagnostics, { color }));
    process.exitCode = 1;
    return;
  }
  if (configuration.warnings.length > 0)
    console.error(renderDiagnostics(configuration.warnings, { color }));
  const keys = openEmbeddedKeyStore({ path: ":memory:", clock: SYSTEM_CLOCK, isWatching: false });
  const generation = await prepareGeneration(configuration, {
    clock: SYSTEM_CLOCK,
    limitStore: new MemoryLimitStore(),
    sources: new SourceMemory(),
    keys,
    onRuleWarning: (warning) => console.error(`warning: ${warning}`),
  });
  await generation.close();
  keys.close();
  console.log(`${options.config}: in order; ${configuration.routes.length} routes`);
}
