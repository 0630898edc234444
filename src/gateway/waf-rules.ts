/**
 * What the gateway finds out about the firewall before its stage is prepared: the files of its rules, and how its faults
 * are told. Without a `waf` section it must load nothing of the engine.
 */
import { resolve } from "node:path";
import { type ConfigPath, renderDiagnostics } from "../config/diagnostic.ts";
import type { Loaded } from "../config/load.ts";
import type { ResolvedRules } from "../stages/waf/rule-files.ts";
import { WafSettingsRefused } from "../stages/waf/setting-refused.ts";
import type { CompiledRoute } from "./compile-routes.ts";
import type { RootConfig } from "./schema.ts";

const NO_RULES: ResolvedRules = { found: new Map(), mistakes: [], files: new Map() };

/** The rule files of the section and of every route with a list of its own. */
export async function findWafRules(
  { waf }: RootConfig,
  routes: readonly CompiledRoute[],
  directory: string,
): Promise<ResolvedRules> {
  if (waf === undefined) return NO_RULES;
  const { findRuleFiles } = await import("../stages/waf/rule-files.ts");
  const places = new Map(
    routes.flatMap(({ at, settings }) => {
      const rules = settings.waf?.rules;
      return rules ? [[at.join("."), { at: [...at, "waf", "rules"], rules }] as const] : [];
    }),
  );
  return findRuleFiles({
    lists: [{ at: ["waf", "rules"], rules: waf.rules }, ...places.values()],
    directory,
    cache: cacheOf(waf.cache, directory),
  });
}

/** Where compiled rules and unpacked archives are kept. */
export const cacheOf = (cache: string | undefined, directory: string): string | undefined =>
  cache === undefined ? undefined : resolve(directory, cache);

/** Faults that only the rules themselves can tell, as every other mistake of a configuration is told. */
export function placed(error: unknown, { diagnose }: Pick<Loaded<unknown>, "diagnose">): unknown {
  if (!(error instanceof WafSettingsRefused)) return error;
  const place = (at: ConfigPath, message: string, hint?: string) => diagnose(at, message, hint);
  return new Error(
    renderDiagnostics(error.faults.map(({ at, message, hint }) => place(at, message, hint))),
    { cause: error },
  );
}
