/** Runs a small primary of its own with its workers, since a test's process must not become one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { configurationFolder } from "../../../test/cli/configuration-folder.ts";

/** The JSON that the program says before it ends. */
export async function runPrimary(program: string): Promise<unknown> {
  const folder = configurationFolder({});
  writeFileSync(folder.at("primary.mjs"), program);
  const child = spawn(process.execPath, [folder.at("primary.mjs")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  return JSON.parse(said) as unknown;
}
