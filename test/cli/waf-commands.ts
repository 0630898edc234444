/** The commands `portcullis waf ...` in this process, on files of a test. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { wafCommand } from "../../src/cli/waf/commands.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const exitCode = (): number => Number(process.exitCode ?? 0);

export async function runWaf(...args: string[]): Promise<Ran> {
  const said = { log: "", error: "" };
  for (const method of ["log", "error"] as const)
    vi.spyOn(console, method).mockImplementation((text: unknown) => {
      said[method] += `${String(text)}\n`;
    });
  process.exitCode = 0;
  const waf = wafCommand("");
  for (const command of [waf, ...waf.commands])
    command.exitOverride().configureOutput({ writeErr: (text) => void (said.error += text) });
  try {
    await waf.parseAsync(args, { from: "user" });
    return { code: exitCode(), stdout: said.log, stderr: said.error };
  } finally {
    vi.restoreAllMocks();
    process.exitCode = 0;
  }
}

/** Files in a folder of their own; answers their paths in the given order. */
export function filesOf(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-waf-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}

/** Debian's package, which CI installs. */
export const CRS = "/usr/share/modsecurity-crs";
