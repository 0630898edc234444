import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { WafSettingsRefused } from "../stages/waf/setting-refused.ts";
import { placed } from "./waf-rules.ts";

const SRC = resolve(import.meta.dirname, "..");

/** What runs as soon as the file is loaded; types and `import()` do not. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, what, from] of text.matchAll(/^(?:import|export)\s([^"';]*?)from "(\.[^"]+)";/gm))
    if (!/^type\s/.test(what as string)) loadedWith(resolve(dirname(file), from as string), seen);
  return seen;
}

test("a gateway without a firewall loads nothing of the engine", () => {
  const loaded = [...loadedWith(resolve(SRC, "cli/portcullis.ts"))].map((file) =>
    relative(SRC, file),
  );
  expect(loaded).toContain("gateway/stages.ts");
  expect(loaded.filter((file) => file.startsWith("seclang/"))).toEqual([]);
});

test("faults of rules are told with their places, and other errors as they are", () => {
  const diagnose = (path: readonly (string | number)[], message: string) => ({
    severity: "error" as const,
    where: "portcullis.yaml:3:7",
    file: "portcullis.yaml",
    line: 3,
    column: 7,
    path: path.join("."),
    message,
    hint: undefined,
    excerpt: undefined,
  });
  const refused = new WafSettingsRefused([{ at: ["waf", "rules"], message: "no such rule" }]);
  expect(String(placed(refused, { diagnose }))).toContain(
    "portcullis.yaml:3:7: error: no such rule (waf.rules)",
  );
  const other = new Error("other");
  expect(placed(other, { diagnose })).toBe(other);
});
